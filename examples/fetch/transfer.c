/* SPDX-License-Identifier: MIT */
/*
 * Invariant: libcurl is paused only while there are bytes that nobody has read; the read that takes
 * the last of them has it go on.
 */
#include "transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As much as libcurl delivers at once, several times. */
#define BUFFER_SIZE ((size_t)4 * CURL_MAX_WRITE_SIZE)

static size_t on_data(char *data, size_t one, size_t size, void *argument)
{
    (void)one;
    struct transfer *transfer = argument;
    if (size > BUFFER_SIZE - transfer->end) {
        transfer->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    memcpy(transfer->data + transfer->end, data, size);
    transfer->end += size;
    waker_wake(&transfer->waker);
    return size;
}

void transfer_over(void *argument, CURLcode code)
{
    struct transfer *transfer = argument;
    transfer->code = code;
    transfer->over = true;
    waker_wake(&transfer->waker);
}

static int64_t take(struct transfer *transfer, void *buffer, size_t size)
{
    size_t length = transfer->end - transfer->start;
    if (length > size)
        length = size;
    memcpy(buffer, transfer->data + transfer->start, length);
    transfer->start += length;
    if (transfer->start < transfer->end)
        return (int64_t)length;
    transfer->start = transfer->end = 0;
    if (transfer->paused) {
        transfer->paused = false;
        curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
    }
    return (int64_t)length;
}

static int64_t poll_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                         size_t size)
{
    struct transfer *transfer = (struct transfer *)reader;
    if (size == 0)
        return 0;
    if (transfer->end > transfer->start)
        return take(transfer, buffer, size);
    if (transfer->over)
        return transfer->code == CURLE_OK ? 0 : -EIO;
    waker_keep(&transfer->waker, waker);
    return TUG_IO_PENDING;
}

int transfer_open(struct transfer *transfer, struct multi *multi, const char *url)
{
    static const struct tug_reader_vtable vtable = {.poll_read = poll_read};
    *transfer = (struct transfer){.reader = {&vtable}, .multi = multi};
    transfer->data = malloc(BUFFER_SIZE);
    CURL *easy = transfer->easy = curl_easy_init();
    if (easy != NULL && transfer->data != NULL) {
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
        curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "tug-fetch");
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
        if (curl_multi_add_handle(multi->handle, easy) == CURLM_OK)
            return 0;
    }
    curl_easy_cleanup(easy);
    free(transfer->data);
    return -ENOMEM;
}

void transfer_close(struct transfer *transfer)
{
    curl_multi_remove_handle(transfer->multi->handle, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    if (transfer->waker.vtable != NULL)
        tug_waker_drop(transfer->waker);
    free(transfer->data);
}

int64_t transfer_length(const struct transfer *transfer)
{
    curl_off_t length = -1;
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length;
}

const char *transfer_message(const struct transfer *transfer)
{
    return transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(transfer->code);
}

bool transfer_may_pass(const struct transfer *transfer)
{
    long status = 0;
    switch (transfer->code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
        return true;
    case CURLE_HTTP_RETURNED_ERROR:
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        return status == 408 || status == 429 || status >= 500;
    default:
        return false;
    }
}
