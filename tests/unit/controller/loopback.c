#include "loopback.h"

#include "mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { REQUEST_MAX = 65536, BACKLOG = 16 };

struct connection {
    uv_tcp_t tcp;
    struct loopback *server;
    char request[REQUEST_MAX];
    size_t len;
    struct connection *next;
};

struct loopback {
    uv_tcp_t tcp;
    const struct loopback_reply *script;
    size_t script_len;
    unsigned connections;
    unsigned requests;
    unsigned open; /* handles */
    struct connection *first;
    char last[REQUEST_MAX];
    int port;
};

static void release(struct loopback *server)
{
    server->open--;
    if (server->open == 0) xfree(server);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct loopback *server = connection->server;
    struct connection **at = &server->first;
    while (*at != connection) {
        at = &(*at)->next;
    }
    *at = connection->next;
    xfree(connection);
    release(server);
}

static void connection_close(struct connection *connection)
{
    uv_handle_t *handle = (uv_handle_t *)&connection->tcp;
    if (uv_is_closing(handle) == 0) uv_close(handle, on_closed);
}

/* The whole request is there: the length of it, else 0. */
static size_t request_len(const struct connection *connection)
{
    const char *end = strstr(connection->request, "\r\n\r\n");
    if (end == NULL) return 0;
    const char *header = strstr(connection->request, "Content-Length:");
    size_t body = header != NULL && header < end ? strtoul(header + 15, NULL, 10) : 0;
    size_t whole = (size_t)(end - connection->request) + 4 + body;
    return connection->len >= whole ? whole : 0;
}

static void answer(struct connection *connection)
{
    struct loopback *server = connection->server;
    size_t at = server->requests < server->script_len ? server->requests : server->script_len - 1;
    const struct loopback_reply *reply = &server->script[at];
    server->requests++;
    if (reply->bytes != NULL) {
        size_t len = reply->len != 0 ? reply->len : strlen(reply->bytes);
        /* Replies are small enough for an empty socket buffer. */
        uv_buf_t buf = uv_buf_init(xmalloc(len), (unsigned)len);
        memcpy(buf.base, reply->bytes, len);
        int written = uv_try_write((uv_stream_t *)&connection->tcp, &buf, 1);
        assert(written == (int)len);
        xfree(buf.base);
    }
    if (reply->then == THEN_CLOSE) connection_close(connection);
    if (reply->then == THEN_RESET) (void)uv_tcp_close_reset(&connection->tcp, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct connection *connection = handle->data;
    (void)suggested;
    size_t room = REQUEST_MAX - 1 - connection->len;
    *ret_buf = uv_buf_init(connection->request + connection->len, (unsigned)room);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct connection *connection = stream->data;
    (void)buf;
    if (len < 0) {
        connection_close(connection);
        return;
    }
    connection->len += (size_t)len;
    connection->request[connection->len] = '\0';
    size_t whole = request_len(connection);
    if (whole == 0) return;
    memcpy(connection->server->last, connection->request, whole);
    connection->server->last[whole] = '\0';
    connection->len = 0; /* the clients of these tests do not pipeline */
    answer(connection);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct loopback *server = stream->data;
    struct connection *connection = xcalloc(1, sizeof(*connection));
    assert(status == 0);
    (void)uv_tcp_init(stream->loop, &connection->tcp);
    connection->tcp.data = connection;
    connection->server = server;
    connection->next = server->first;
    server->first = connection;
    server->open++;
    server->connections++;
    int result = uv_accept(stream, (uv_stream_t *)&connection->tcp);
    assert(result == 0);
    (void)uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
}

struct loopback *loopback_open(uv_loop_t *loop, const struct loopback_reply *script, size_t len)
{
    struct loopback *server = xcalloc(1, sizeof(*server));
    struct sockaddr_in address;
    int size = sizeof(address);
    server->script = script;
    server->script_len = len;
    server->open = 1;
    (void)uv_tcp_init(loop, &server->tcp);
    server->tcp.data = server;
    (void)uv_ip4_addr("127.0.0.1", 0, &address);
    int result = uv_tcp_bind(&server->tcp, (const struct sockaddr *)&address, 0);
    assert(result == 0);
    result = uv_listen((uv_stream_t *)&server->tcp, BACKLOG, on_connection);
    assert(result == 0);
    (void)uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&address, &size);
    server->port = ntohs(address.sin_port);
    return server;
}

static void on_server_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void loopback_close(struct loopback *server)
{
    for (struct connection *c = server->first; c != NULL; c = c->next) {
        connection_close(c);
    }
    uv_close((uv_handle_t *)&server->tcp, on_server_closed);
}

int loopback_port(const struct loopback *server)
{
    return server->port;
}

unsigned loopback_connections(const struct loopback *server)
{
    return server->connections;
}

unsigned loopback_requests(const struct loopback *server)
{
    return server->requests;
}

const char *loopback_request(const struct loopback *server)
{
    return server->last;
}
