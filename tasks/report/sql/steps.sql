-- The arms of adaptations step by step: what the weights of each step drew (draws that confirm are
-- left out), and how far they are from the base model. The base arm has stages, always under the same
-- weights; its first stage is step 0 of every arm.
SELECT
    arm,
    step::BIGINT AS step,
    sum(draws)::BIGINT AS draws,
    sum(fast_1) / nullif(sum(judged), 0) AS fast_1,
    sum(rejected) / nullif(sum(judged), 0) AS rejected,
    sum(distinct_sources) / nullif(sum(draws), 0) AS distinct_sources,
    avg(kl_from_base) AS kl_from_base
FROM trajectory
WHERE run_id IN ($runs) AND arm IS NOT NULL
GROUP BY arm, step
HAVING sum(draws) > 0
ORDER BY (arm <> 'base'), arm, step
