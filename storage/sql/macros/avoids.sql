-- P(a random k-subset of n draws holds none of a given ones) = C(n-a, k) / C(n, k). Null where that is
-- undefined: a null, an a outside of 0 ... n, a k outside of 1 ... n, or one that is not whole.
-- As a product of least(a, k) factors, exact to 1e-12. By log-gamma, which loses digits as n grows,
-- only where there are so many factors that the chance is next to nothing (for n up to 10^7).
CREATE OR REPLACE MACRO avoids(n, a, k) AS
CASE
    WHEN n IS NULL OR a IS NULL OR k IS NULL THEN NULL
    WHEN NOT (a >= 0 AND a <= n AND k >= 1 AND k <= n) THEN NULL
    WHEN n <> floor(n) OR a <> floor(a) OR k <> floor(k) OR NOT isfinite(n::DOUBLE) THEN NULL
    WHEN a = 0 THEN 1.0
    WHEN n - a < k THEN 0.0
    WHEN least(a, k) <= 10000 THEN list_product(list_transform(
        range(least(a, k)::BIGINT), lambda i: (n - greatest(a, k) - i)::DOUBLE / (n - i)
    ))
    ELSE exp(
        lgamma(greatest(n - a, 0) + 1) + lgamma(greatest(n - k, 0) + 1)
        - lgamma(greatest(n - a - k, 0) + 1) - lgamma(n + 1)
    )
END;
