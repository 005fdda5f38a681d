-- Where the next second is best spent, problem by problem. The worth of a draw is how much faster it
-- makes the problem, ln(speedup), and 0 where it is incorrect or slower than the reference, which can
-- always be kept. What the last of n draws added on average, leaving each one out in turn, is
-- (best - second best) / n. Where no draw is surely faster yet, a bound instead: the share of faster
-- draws is below 1 - 0.05^(1/n) at 95 % confidence. Seconds: sampling and judging of one draw.
WITH drawn AS (
    SELECT
        j.suite, j.level, j.problem_id, j.fast_1,
        greatest(ln(if(j.correct AND j.speedup > 0, j.speedup, 1)), 0) AS worth,
        coalesce(j.judge_seconds, 0) + coalesce(c.sample_seconds, 0) AS seconds
    FROM judged AS j
    JOIN candidates AS c USING (run_id, suite, level, problem_id, sample_index)
    WHERE j.run_id IN ($runs)
),
placed AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY suite, level, problem_id ORDER BY worth DESC) AS place
    FROM drawn
),
gains AS (
    SELECT
        suite, level, problem_id,
        count(*) AS draws,
        count(*) FILTER (fast_1) AS fast_1,
        exp(max(worth)) AS best,
        (max(worth) - coalesce(max(worth) FILTER (place = 2), 0)) / count(*) AS gain,
        if(count(*) FILTER (fast_1) = 0, 1 - 0.05 ** (1.0 / count(*)), NULL) AS at_most,
        nullif(avg(seconds), 0) AS seconds
    FROM placed
    GROUP BY suite, level, problem_id
)
SELECT *, gain / seconds AS gain_per_second
FROM gains
ORDER BY gain_per_second DESC NULLS LAST, gain DESC, at_most DESC NULLS LAST, level, problem_id, suite
LIMIT 30
