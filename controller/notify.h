/*
 * notify: tells the service manager how we are (sd_notify's protocol: one datagram to
 * $NOTIFY_SOCKET). Where there is no manager, or it does not listen, nothing happens: a service
 * must not fail because nobody asks how it is.
 */
#ifndef CLUSTERKEEPER_NOTIFY_H
#define CLUSTERKEEPER_NOTIFY_H

#include "mem.h"

#include <stdbool.h>
#include <stdint.h>

void notify_ready(void);     /* started, or done with reading anew */
void notify_reloading(void); /* Type=notify-reload; notify_ready ends it */
void notify_stopping(void);
void notify_watchdog(void);
void notify_status(const char *fmt, ...) PRINTF(1, 2); /* one line for `systemctl status` */

/* How often notify_watchdog must be called: half of what the manager waits; 0: it does not. */
int64_t notify_watchdog_ms(void);

#endif
