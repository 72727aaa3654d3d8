#include "clients/interrupt.h"

#include <signal.h>
#include <stddef.h>

/* A signal handler has no other way to speak; the only variable of this kind in the clients. */
static volatile sig_atomic_t seen;

static void on_signal(int signal)
{
    seen = signal;
}

void ut_interrupt_install(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction old;

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* A closed terminal ends the documents too; nohup keeps its promise. */
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
    /* A file at its size limit is a failed write with an errno, not the end of the process. */
    sigaction(SIGXFSZ, &ignore, NULL);
}

bool ut_interrupt_seen(void)
{
    return seen != 0;
}

int ut_interrupt_exit(void)
{
    return 128 + (seen ? (int)seen : SIGINT);
}
