/* SPDX-License-Identifier: MIT */
/*
 * A directory as a page: the names in it, in their order, but for hidden ones. A name may have any
 * byte in it, so it is encoded twice: for the link, and for the page.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <tug/fs.h>

#include "file.h"

struct names {
    char **list;
    size_t count, capacity;
};

/* `suffix` "/": it is a directory. Returns whether there was memory. */
static bool add_name(struct names *names, const char *name, const char *suffix)
{
    if (names->count == names->capacity) {
        size_t capacity = names->capacity > 0 ? 2 * names->capacity : 64;
        char **list = realloc(names->list, capacity * sizeof(*list));
        if (list == NULL)
            return false;
        names->list = list;
        names->capacity = capacity;
    }
    size_t length = strlen(name);
    char *copy = malloc(length + 2);
    if (copy == NULL)
        return false;
    memcpy(copy, name, length);
    memcpy(copy + length, suffix, strlen(suffix) + 1);
    names->list[names->count++] = copy;
    return true;
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i]);
    free(names->list);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_link(struct response *page, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    /* What looks like a scheme would not be taken for a name. */
    response_add(page, "./");
    for (; *text != '\0'; text++)
        response_add(page, strchr(plain, *text) != NULL ? "%c" : "%%%02X", (unsigned char)*text);
}

static void add_text(struct response *page, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("<>&\"'", *text) != NULL)
            response_add(page, "&#%d;", *text);
        else
            response_add(page, "%c", *text);
    }
}

static int read_names(int directory, struct names *names)
{
    struct tug_read_dir *reader;
    struct tug_dir_entry entry;
    int result = tug_fs_read_dir_at(&reader, directory, ".", false);
    if (result < 0)
        return result;
    while ((result = tug_read_dir_next(reader, &entry)) > 0)
        if (entry.name[0] != '.' && !add_name(names, entry.name, entry.type == DT_DIR ? "/" : ""))
            break;
    tug_read_dir_close(reader);
    return result > 0 ? -1 : result;
}

static void write_page(struct response *page, const char *path, const struct names *names)
{
    response_add(page, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>/");
    add_text(page, strcmp(path, "./") == 0 ? "" : path);
    response_add(page, "</title>\n<ul>\n");
    for (size_t i = 0; i < names->count; i++) {
        response_add(page, "<li><a href=\"");
        add_link(page, names->list[i]);
        response_add(page, "\">");
        add_text(page, names->list[i]);
        response_add(page, "</a>\n");
    }
    response_add(page, "</ul>\n");
}

void listing_respond(int directory, const char *path, struct response *response)
{
    struct names names = {NULL, 0, 0};
    struct response page = {.file = -1};
    if (read_names(directory, &names) < 0) {
        response_status(response, 500, "");
        free_names(&names);
        return;
    }
    if (names.count > 0)
        qsort(names.list, names.count, sizeof(*names.list), compare);
    write_page(&page, path, &names);
    free_names(&names);
    response_begin(response, 200);
    response_add(response, "Content-Type: text/html; charset=utf-8\r\n");
    response_end(response, page.length);
    if (!response->head_only && !page.failed) {
        char *room = response_room(response, page.length);
        if (room != NULL) {
            memcpy(room, page.data, page.length);
            response->length += page.length;
        }
    }
    response->failed |= page.failed;
    response_free(&page);
}
