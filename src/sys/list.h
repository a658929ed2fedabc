/* SPDX-License-Identifier: MIT */
/*
 * Intrusive containers: the links live in the elements, so that nothing here allocates or fails.
 *
 * struct tug_list: doubly linked, circular through its head, removal from anywhere. A node that is
 * in no list is linked to itself, so that removing it again does nothing.
 *
 * struct tug_fifo: singly linked, first in first out, half the memory.
 */
#ifndef TUG_SYS_LIST_H
#define TUG_SYS_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* The struct of `type` whose `member` is at `pointer`. */
#define TUG_CONTAINER_OF(pointer, type, member)                                                    \
    ((type *)((char *)(1 ? (pointer) : &((type *)0)->member) - offsetof(type, member)))

struct tug_list_node {
    struct tug_list_node *prev, *next;
};

struct tug_list {
    struct tug_list_node head;
};

static inline void tug_list_node_init(struct tug_list_node *node)
{
    node->prev = node;
    node->next = node;
}

static inline bool tug_list_is_linked(const struct tug_list_node *node)
{
    return node->next != node;
}

static inline void tug_list_init(struct tug_list *list)
{
    tug_list_node_init(&list->head);
}

static inline bool tug_list_is_empty(const struct tug_list *list)
{
    return list->head.next == &list->head;
}

/* Links `node`, which is in no list, between two neighbours. */
static inline void tug_list_insert_between(struct tug_list_node *node, struct tug_list_node *prev,
                                           struct tug_list_node *next)
{
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

static inline void tug_list_push_back(struct tug_list *list, struct tug_list_node *node)
{
    tug_list_insert_between(node, list->head.prev, &list->head);
}

static inline void tug_list_push_front(struct tug_list *list, struct tug_list_node *node)
{
    tug_list_insert_between(node, &list->head, list->head.next);
}

/* Takes a node out of the list it is in, if any. */
static inline void tug_list_remove(struct tug_list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    tug_list_node_init(node);
}

/* The first node, or NULL. */
static inline struct tug_list_node *tug_list_first(const struct tug_list *list)
{
    return tug_list_is_empty(list) ? NULL : list->head.next;
}

/* Takes out the first node, or returns NULL. */
static inline struct tug_list_node *tug_list_pop_front(struct tug_list *list)
{
    struct tug_list_node *node = tug_list_first(list);
    if (node != NULL)
        tug_list_remove(node);
    return node;
}

/* Moves all nodes of `from` behind those of `to`. */
static inline void tug_list_append(struct tug_list *to, struct tug_list *from)
{
    if (tug_list_is_empty(from))
        return;
    struct tug_list_node *first = from->head.next, *last = from->head.prev;
    first->prev = to->head.prev;
    to->head.prev->next = first;
    last->next = &to->head;
    to->head.prev = last;
    tug_list_init(from);
}

/* For each `node`, which the body may remove or free; not the one after it. `following` holds that
 * one. */
#define TUG_LIST_FOR_EACH_SAFE(node, following, list)                                              \
    for (struct tug_list_node *node = (list)->head.next, *following = node->next;                  \
         node != &(list)->head; node = following, following = node->next)

struct tug_fifo_node {
    struct tug_fifo_node *next;
};

/* tail: the link that the next node to be pushed goes into. */
struct tug_fifo {
    struct tug_fifo_node *head, **tail;
};

static inline void tug_fifo_init(struct tug_fifo *fifo)
{
    fifo->head = NULL;
    fifo->tail = &fifo->head;
}

static inline bool tug_fifo_is_empty(const struct tug_fifo *fifo)
{
    return fifo->head == NULL;
}

static inline void tug_fifo_push(struct tug_fifo *fifo, struct tug_fifo_node *node)
{
    node->next = NULL;
    *fifo->tail = node;
    fifo->tail = &node->next;
}

/* Pushes a node that is the next to be popped. */
static inline void tug_fifo_push_front(struct tug_fifo *fifo, struct tug_fifo_node *node)
{
    if (fifo->head == NULL)
        fifo->tail = &node->next;
    node->next = fifo->head;
    fifo->head = node;
}

/* Takes out the node that was pushed first, or returns NULL. */
static inline struct tug_fifo_node *tug_fifo_pop(struct tug_fifo *fifo)
{
    struct tug_fifo_node *node = fifo->head;
    if (node == NULL)
        return NULL;
    fifo->head = node->next;
    if (fifo->head == NULL)
        fifo->tail = &fifo->head;
    return node;
}

/* Moves all nodes of `from` behind those of `to`. */
static inline void tug_fifo_append(struct tug_fifo *to, struct tug_fifo *from)
{
    if (tug_fifo_is_empty(from))
        return;
    *to->tail = from->head;
    to->tail = from->tail;
    tug_fifo_init(from);
}

#endif
