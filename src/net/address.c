/* SPDX-License-Identifier: MIT */
/*
 * Addresses as text. A local socket is "unix:" and its path, or "@" and its abstract name, in which
 * no zero byte can be written.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <tug/net.h>
#include <tug/sys.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

/* ---- Reading ---- */

/* A number up to 65535 and nothing else. */
static int parse_port(const char *text, in_port_t *port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return -EINVAL;
    unsigned long number = strtoul(text, NULL, 10);
    if (number > 65535)
        return -EINVAL;
    *port = htons((uint16_t)number);
    return 0;
}

static int parse_local(struct tug_address *address, const char *name)
{
    struct sockaddr_un *local = (struct sockaddr_un *)&address->storage;
    size_t length = strlen(name);
    if (length == 0)
        return -EINVAL;
    if (length >= sizeof(local->sun_path))
        return -ENAMETOOLONG;
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, name, length);
    address->length = (socklen_t)(PATH_OFFSET + length);
    if (name[0] == '@')
        local->sun_path[0] = '\0';
    else
        address->length++; /* the path's own zero byte */
    return 0;
}

/* The number of an interface, or its name. */
static int parse_scope(const char *text, uint32_t *scope)
{
    *scope = if_nametoindex(text);
    if (*scope != 0)
        return 0;
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number > UINT32_MAX)
        return -EINVAL;
    *scope = (uint32_t)number;
    return 0;
}

static int parse_ip6(struct tug_address *address, char *host, const char *port)
{
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&address->storage;
    char *scope = strchr(host, '%');
    if (scope != NULL) {
        *scope++ = '\0';
        if (parse_scope(scope, &ip6->sin6_scope_id) != 0)
            return -EINVAL;
    }
    ip6->sin6_family = AF_INET6;
    address->length = sizeof(*ip6);
    if (inet_pton(AF_INET6, host, &ip6->sin6_addr) != 1)
        return -EINVAL;
    return parse_port(port, &ip6->sin6_port);
}

static int parse_ip4(struct tug_address *address, const char *host, const char *port)
{
    struct sockaddr_in *ip4 = (struct sockaddr_in *)&address->storage;
    ip4->sin_family = AF_INET;
    address->length = sizeof(*ip4);
    if (inet_pton(AF_INET, host, &ip4->sin_addr) != 1)
        return -EINVAL;
    return parse_port(port, &ip4->sin_port);
}

int tug_address_parse(struct tug_address *address, const char *text)
{
    char copy[TUG_ADDRESS_TEXT_SIZE];
    memset(address, 0, sizeof(*address));
    if (strncmp(text, "unix:", 5) == 0)
        return parse_local(address, text + 5);
    size_t length = strlen(text);
    if (length >= sizeof(copy))
        return -EINVAL;
    memcpy(copy, text, length + 1);
    char *colon = strrchr(copy, ':');
    if (colon == NULL)
        return -EINVAL;
    *colon = '\0';
    if (copy[0] == '\0')
        return parse_ip6(address, (char[]){"::"}, colon + 1);
    if (copy[0] != '[')
        return parse_ip4(address, copy, colon + 1);
    if (colon == copy + 1 || colon[-1] != ']')
        return -EINVAL;
    colon[-1] = '\0';
    return parse_ip6(address, copy + 1, colon + 1);
}

/* ---- Writing ---- */

static int format_local(const struct tug_address *address, char *text, size_t size)
{
    const struct sockaddr_un *local = (const struct sockaddr_un *)&address->storage;
    size_t length = address->length > PATH_OFFSET ? address->length - PATH_OFFSET : 0;
    if (length > sizeof(local->sun_path))
        length = sizeof(local->sun_path);
    if (length > 0 && local->sun_path[0] == '\0')
        return snprintf(text, size, "unix:@%.*s", (int)length - 1, local->sun_path + 1);
    return snprintf(text, size, "unix:%.*s", (int)length, local->sun_path);
}

static int format_ip6(const struct sockaddr_in6 *ip6, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1] = "";
    inet_ntop(AF_INET6, &ip6->sin6_addr, host, sizeof(host));
    if (ip6->sin6_scope_id != 0) {
        scope[0] = '%';
        if (if_indextoname(ip6->sin6_scope_id, scope + 1) == NULL)
            snprintf(scope + 1, sizeof(scope) - 1, "%u", ip6->sin6_scope_id);
    }
    return snprintf(text, size, "[%s%s]:%u", host, scope, ntohs(ip6->sin6_port));
}

int tug_address_format(const struct tug_address *address, char *text, size_t size)
{
    char host[INET_ADDRSTRLEN];
    const struct sockaddr_in *ip4 = (const struct sockaddr_in *)&address->storage;
    switch (address->storage.ss_family) {
    case AF_UNIX:
        return format_local(address, text, size);
    case AF_INET6:
        return format_ip6((const struct sockaddr_in6 *)&address->storage, text, size);
    case AF_INET:
        inet_ntop(AF_INET, &ip4->sin_addr, host, sizeof(host));
        return snprintf(text, size, "%s:%u", host, ntohs(ip4->sin_port));
    default:
        return -EAFNOSUPPORT;
    }
}

/* ---- Asking ---- */

int tug_address_of_socket(int fd, struct tug_address *address)
{
    address->length = sizeof(address->storage);
    return tug_sys_getsockname(fd, (struct sockaddr *)&address->storage, &address->length);
}

int tug_address_of_peer(int fd, struct tug_address *address)
{
    address->length = sizeof(address->storage);
    return tug_sys_getpeername(fd, (struct sockaddr *)&address->storage, &address->length);
}
