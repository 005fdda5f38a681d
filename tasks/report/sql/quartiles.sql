-- Correct draws in quarters by surprisal, the most surprising first: among all correct draws
-- ('pooled', which mixes problems) and among the correct draws of each problem ('within problem',
-- problems with fewer than four left out). A draw of rank a covers a to a + 1 of n; of a border within
-- it either side has its part, so that every quarter holds a quarter of every problem exactly. Tied
-- draws share their ranks evenly.
WITH drawn AS (
    SELECT
        coalesce(fast_1, false)::INTEGER AS fast_1, speedup, n_tokens, -mean_logprob AS surprisal,
        rank() OVER (ORDER BY mean_logprob) - 1 AS ahead,
        count(*) OVER (PARTITION BY mean_logprob) AS tied,
        count(*) OVER () AS n,
        rank() OVER (own ORDER BY mean_logprob) - 1 AS own_ahead,
        count(*) OVER (PARTITION BY run_id, suite, level, problem_id, mean_logprob) AS own_tied,
        count(*) OVER own AS own_n
    FROM judged
    WHERE run_id IN ($runs) AND correct AND isfinite(mean_logprob) AND speedup > 0
        AND isfinite(speedup)
    WINDOW own AS (PARTITION BY run_id, suite, level, problem_id)
),
ranked AS (
    SELECT 'pooled' AS ranking, ahead AS a, tied AS size, n AS c, * FROM drawn
    UNION ALL
    SELECT 'within problem', own_ahead, own_tied, own_n, * FROM drawn WHERE own_n >= 4
),
parts AS (
    SELECT
        *,
        (least(a + size, quartile * c / 4) - greatest(a, (quartile - 1) * c / 4)) / size AS part
    FROM ranked
    CROSS JOIN (SELECT unnest([1, 2, 3, 4])::BIGINT AS quartile)
    WHERE part > 0
),
ordered AS (
    SELECT
        *,
        sum(part) OVER (PARTITION BY ranking, quartile ORDER BY speedup)
            / sum(part) OVER (PARTITION BY ranking, quartile) AS upto
    FROM parts
)
SELECT
    ranking,
    quartile,
    sum(part) AS draws,
    sum(part * surprisal) / sum(part) AS surprisal,
    sum(part * fast_1) / sum(part) AS fast_1,
    exp(sum(part * ln(speedup)) / sum(part)) AS speedup_geomean,
    -- Where the lower half ends between two draws, the middle of these.
    (min(speedup) FILTER (upto > 0.5 - 1e-9) + min(speedup) FILTER (upto > 0.5 + 1e-9)) / 2
        AS speedup_median,
    sum(part * speedup) / sum(part) AS speedup_mean,
    sum(part * n_tokens) / sum(part) FILTER (n_tokens IS NOT NULL) AS n_tokens
FROM ordered
GROUP BY ranking, quartile
ORDER BY ranking, quartile
