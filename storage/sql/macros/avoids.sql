-- P(a random k-subset of n draws holds none of a given ones) = C(n-a, k) / C(n, k); null for k > n.
CREATE OR REPLACE MACRO avoids(n, a, k) AS
CASE
    WHEN k > n OR k < 1 THEN NULL
    WHEN a <= 0 THEN 1.0
    WHEN n - a < k THEN 0.0
    ELSE exp(
        lgamma(greatest(n - a, 0) + 1) + lgamma(greatest(n - k, 0) + 1)
        - lgamma(greatest(n - a - k, 0) + 1) - lgamma(n + 1)
    )
END;
