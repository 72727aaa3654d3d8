/*
 * Status codes and error texts: how every fallible function of the tree reports.
 *
 * Values only; any thread. A function that can fail returns enum ut_status and, on cold paths,
 * takes a last `struct ut_error *` (may be NULL) that receives one line saying what failed, where,
 * and with which value. Results are written only on success.
 */
#ifndef UT_BASE_STATUS_H
#define UT_BASE_STATUS_H

#define UT_NODISCARD __attribute__((warn_unused_result))
#define UT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define UT_API __attribute__((visibility("default")))

enum ut_status {
    UT_OK = 0,
    UT_AGAIN,    /* nothing to give yet; call again later */
    UT_END,      /* the stream is over */
    UT_EINVAL,   /* an argument is out of its documented range */
    UT_ENOMEM,   /* memory could not be had */
    UT_EIO,      /* the operating system refused a read, write or device */
    UT_EFORMAT,  /* bytes from outside do not have the form they should */
    UT_ELIMIT,   /* a documented bound would be passed */
    UT_ECANCELED /* the caller asked to stop */
};

struct ut_error {
    enum ut_status code;
    char text[240]; /* one line, no newline, always terminated */
};

/*
 * Sets *err (when not NULL) to `code` and the formatted text; control characters in the result
 * become '?', so that a hostile file name cannot write to a terminal. Returns `code`, so that
 * `return ut_error_set(err, UT_EFORMAT, "...")` is the usual form.
 */
enum ut_status ut_error_set(struct ut_error *err, enum ut_status code, const char *fmt, ...)
    UT_PRINTF(3, 4);

/* A constant lower-case word for `status`, for logs: "ok", "again", "einval", ... */
const char *ut_status_name(enum ut_status status);

#endif
