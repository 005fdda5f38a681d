-- The budget at which runs of problems are compared, of the list of their numbers of draws: the
-- deepest of 1, 2, 4, ... that three quarters of them reach; where that is 1, more than half.
CREATE OR REPLACE MACRO deepest(ns) AS coalesce(
    list_max(list_filter(
        list_transform(range(1, 31), lambda e: (2 ** e)::BIGINT),
        lambda k: len(list_filter(ns, lambda n: n >= k)) >= 0.75 * len(ns) AND len(ns) > 0
    )),
    list_max(list_filter(
        list_transform(range(0, 31), lambda e: (2 ** e)::BIGINT),
        lambda k: 2 * len(list_filter(ns, lambda n: n >= k)) > len(ns)
    ))
);
