/*
 * The polynomial behind GELU in vector kernels: x Phi(x) with Phi(x) = 1/2 + x Q(x^2).
 *
 * Q is a weighted Chebyshev fit of degree 14 in t = 2 x^2 / L^2 - 1 on |x| <= L, where x is cut;
 * beyond L, Phi is 0 or 1 within 2e-8. Phi is right within 2e-7, so there is no exponential and no
 * division in a kernel that runs for every value of a feed-forward layer.
 */
#ifndef UT_COMPUTE_GELU_H
#define UT_COMPUTE_GELU_H

#define UT_GELU_LIMIT 5.6f
#define UT_GELU_DEGREE 14

static const float ut_gelu_q[UT_GELU_DEGREE + 1] = {
    1.262596035e-01f,  -6.305145132e-02f, 4.697989818e-02f,  -3.833867647e-02f, 3.198763703e-02f,
    -2.639372493e-02f, 2.082276278e-02f,  -1.532650561e-02f, 1.136172757e-02f,  -8.680380727e-03f,
    4.722467648e-03f,  -1.251151330e-03f, 1.286317135e-03f,  -1.786196321e-03f, 6.933931852e-04f
};

#endif
