-- event_totals: the counts of all files together, without those of whoever was erased; visitors by the members that they are.
SELECT what, key, sum(m) AS n
FROM (
    SELECT what, key, n AS m FROM event_counts WHERE what <> 'visitor'
    UNION ALL
    SELECT c.what, coalesce(i.customer_id, c.key) AS key, c.n AS m
    FROM event_counts AS c
    LEFT JOIN identities AS i ON i.alias = c.key
    WHERE c.what = 'visitor'
)
GROUP BY what, key
HAVING sum(m) <> 0
