SELECT r.run_id, r.versions, r.harness_id, r.host, r.policy_id
FROM runs_latest AS r
