/*
 * SIGINT, SIGTERM and SIGHUP as a flag that loops look at, so that what was captioned is kept. The
 * second signal ends the process at once. Main thread installs; any thread asks.
 */
#ifndef UT_CLIENTS_INTERRUPT_H
#define UT_CLIENTS_INTERRUPT_H

#include <stdbool.h>

void ut_interrupt_install(void);
bool ut_interrupt_seen(void);
int ut_interrupt_exit(void); /* 128 + the signal: 130 for SIGINT */

#endif
