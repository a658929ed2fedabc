/* SPDX-License-Identifier: MIT */
/*
 * The intrusive containers: order, removal from anywhere, iteration with removal, and a comparison
 * with a plain array under random operations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sys/list.h"

struct item {
    int value;
    struct tug_list_node node;
    struct tug_fifo_node fifo_node;
};

enum { ITEMS = 8 };

static void make_items(struct item items[ITEMS])
{
    for (int i = 0; i < ITEMS; i++) {
        items[i].value = i;
        tug_list_node_init(&items[i].node);
    }
}

/* Compares the list, forwards and backwards, with the digits of `expected`. */
static void assert_list(struct tug_list *list, const char *expected)
{
    size_t length = 0;
    TUG_LIST_FOR_EACH_SAFE(node, following, list)
    {
        assert_int_equal(TUG_CONTAINER_OF(node, struct item, node)->value, expected[length] - '0');
        length++;
    }
    assert_int_equal(length, strlen(expected));
    for (struct tug_list_node *node = list->head.prev; node != &list->head; node = node->prev) {
        length--;
        assert_int_equal(TUG_CONTAINER_OF(node, struct item, node)->value, expected[length] - '0');
    }
    assert_int_equal(length, 0);
}

static void test_pushes_keep_order(void **state)
{
    (void)state;
    struct item items[ITEMS];
    struct tug_list list;
    make_items(items);
    tug_list_init(&list);
    assert_true(tug_list_is_empty(&list));
    assert_null(tug_list_first(&list));
    assert_null(tug_list_pop_front(&list));
    tug_list_push_back(&list, &items[1].node);
    tug_list_push_back(&list, &items[2].node);
    tug_list_push_front(&list, &items[0].node);
    assert_false(tug_list_is_empty(&list));
    assert_list(&list, "012");
    assert_ptr_equal(tug_list_pop_front(&list), &items[0].node);
    assert_false(tug_list_is_linked(&items[0].node));
    assert_list(&list, "12");
}

static void test_remove_from_anywhere_and_twice(void **state)
{
    (void)state;
    struct item items[ITEMS];
    struct tug_list list;
    make_items(items);
    tug_list_init(&list);
    for (int i = 0; i < 5; i++)
        tug_list_push_back(&list, &items[i].node);
    tug_list_remove(&items[2].node);
    assert_list(&list, "0134");
    tug_list_remove(&items[2].node);
    assert_list(&list, "0134");
    tug_list_remove(&items[0].node);
    tug_list_remove(&items[4].node);
    assert_list(&list, "13");
    tug_list_push_back(&list, &items[2].node);
    assert_list(&list, "132");
}

static void test_iteration_survives_removal(void **state)
{
    (void)state;
    struct item items[ITEMS];
    struct tug_list list;
    make_items(items);
    tug_list_init(&list);
    for (int i = 0; i < ITEMS; i++)
        tug_list_push_back(&list, &items[i].node);
    TUG_LIST_FOR_EACH_SAFE(node, following, &list)
    {
        struct item *item = TUG_CONTAINER_OF(node, struct item, node);
        if (item->value % 2 == 0)
            tug_list_remove(node);
    }
    assert_list(&list, "1357");
}

static void test_append_moves_all(void **state)
{
    (void)state;
    struct item items[ITEMS];
    struct tug_list a, b;
    make_items(items);
    tug_list_init(&a);
    tug_list_init(&b);
    tug_list_append(&a, &b);
    assert_list(&a, "");
    tug_list_push_back(&b, &items[3].node);
    tug_list_append(&a, &b);
    assert_list(&a, "3");
    assert_list(&b, "");
    tug_list_push_back(&b, &items[4].node);
    tug_list_push_back(&b, &items[5].node);
    tug_list_append(&a, &b);
    tug_list_append(&a, &b);
    assert_list(&a, "345");
    assert_list(&b, "");
}

static int pop_value(struct tug_fifo *fifo)
{
    struct tug_fifo_node *node = tug_fifo_pop(fifo);
    return node == NULL ? -1 : TUG_CONTAINER_OF(node, struct item, fifo_node)->value;
}

static void test_fifo_order(void **state)
{
    (void)state;
    struct item items[ITEMS];
    struct tug_fifo fifo, other;
    make_items(items);
    tug_fifo_init(&fifo);
    tug_fifo_init(&other);
    assert_true(tug_fifo_is_empty(&fifo));
    assert_int_equal(pop_value(&fifo), -1);
    tug_fifo_push_front(&fifo, &items[1].fifo_node);
    tug_fifo_push(&fifo, &items[2].fifo_node);
    tug_fifo_push_front(&fifo, &items[0].fifo_node);
    assert_int_equal(pop_value(&fifo), 0);
    tug_fifo_push(&other, &items[3].fifo_node);
    tug_fifo_push(&other, &items[4].fifo_node);
    tug_fifo_append(&fifo, &other);
    tug_fifo_append(&fifo, &other);
    assert_true(tug_fifo_is_empty(&other));
    tug_fifo_push(&fifo, &items[5].fifo_node);
    for (int i = 1; i <= 5; i++)
        assert_int_equal(pop_value(&fifo), i);
    assert_int_equal(pop_value(&fifo), -1);
    tug_fifo_push(&fifo, &items[6].fifo_node);
    assert_int_equal(pop_value(&fifo), 6);
    assert_true(tug_fifo_is_empty(&fifo));
}

/* An array of the digits that the list should hold. */
static void random_step(struct tug_list *list, struct item items[ITEMS], char *model)
{
    int i = rand() % ITEMS;
    char digit[2] = {(char)('0' + i), '\0'};
    char *place = strchr(model, digit[0]);
    assert_int_equal(tug_list_is_linked(&items[i].node), place != NULL);
    if (place != NULL) {
        tug_list_remove(&items[i].node);
        memmove(place, place + 1, strlen(place));
    } else if (rand() % 2 == 0) {
        tug_list_push_back(list, &items[i].node);
        strcat(model, digit);
    } else {
        tug_list_push_front(list, &items[i].node);
        memmove(model + 1, model, strlen(model) + 1);
        model[0] = digit[0];
    }
}

static void test_random_operations_agree_with_an_array(void **state)
{
    (void)state;
    const char *given = getenv("TUG_TEST_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    printf("TUG_TEST_SEED=%u\n", seed);
    srand(seed);
    struct item items[ITEMS];
    struct tug_list list;
    char model[ITEMS + 1] = "";
    make_items(items);
    tug_list_init(&list);
    for (int step = 0; step < 20000; step++) {
        random_step(&list, items, model);
        assert_list(&list, model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pushes_keep_order),
        cmocka_unit_test(test_remove_from_anywhere_and_twice),
        cmocka_unit_test(test_iteration_survives_removal),
        cmocka_unit_test(test_append_moves_all),
        cmocka_unit_test(test_fifo_order),
        cmocka_unit_test(test_random_operations_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
