/* SPDX-License-Identifier: MIT */
#include "list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last part of the path of a URL, as it is written there. */
static char *name_of(const char *url)
{
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    size_t length = strcspn(host, "?#");
    const char *name = host + length;
    while (name > host && name[-1] != '/')
        name--;
    length = name > host ? (size_t)(host + length - name) : 0;
    if (length == 0)
        return strdup("index.html");
    return strndup(name, length);
}

int list_add(struct list *list, const char *url)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 64;
        struct download *downloads = realloc(list->downloads, capacity * sizeof(*downloads));
        if (downloads == NULL)
            return -ENOMEM;
        list->downloads = downloads;
        list->capacity = capacity;
    }
    char *own = strdup(url), *name = name_of(url);
    if (own == NULL || name == NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        int error = own == NULL || name == NULL ? -ENOMEM : -EINVAL;
        free(own);
        free(name);
        return error;
    }
    list->downloads[list->count++] = (struct download){.url = own, .name = name, .length = -1};
    return 0;
}

int list_add_file(struct list *list, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL)
        return -errno;
    char *line = NULL;
    size_t size = 0;
    int error = 0;
    while (error == 0 && getline(&line, &size, file) >= 0) {
        line[strcspn(line, " \t\r\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#')
            error = list_add(list, line);
    }
    if (error == 0 && ferror(file))
        error = -EIO;
    free(line);
    if (file != stdin)
        fclose(file);
    return error;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

const char *list_find_clash(const struct list *list)
{
    const char **names = malloc((list->count + 1) * sizeof(*names)), *clash = NULL;
    if (names == NULL)
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        names[i] = list->downloads[i].name;
    qsort(names, list->count, sizeof(*names), compare_names);
    for (size_t i = 1; i < list->count && clash == NULL; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            clash = names[i];
    free(names);
    return clash;
}

void list_free(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free((char *)list->downloads[i].url);
        free((char *)list->downloads[i].name);
    }
    free(list->downloads);
}
