"""What is counted and timed, in Prometheus' words; ``/metrics`` shows it.

Nothing that a person wrote is a label: each label has few values that are known before, and none is a key or a client.
Of several workers, modes say what becomes of their gauges: the sum, or the worst.
"""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # when each count began is half of the text, and the process's own start says the same

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
SHORT_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 5)

REQUESTS = Counter("xinglin_requests", "Requests by route and status; gone: the client left.", ("route", "status"))
REQUEST_SECONDS = Histogram(
    "xinglin_request_seconds", "From a request's head to the end of its answer.", ("route",), buckets=SECONDS
)

FIRST_TEXT_SECONDS = Histogram(
    "xinglin_time_to_first_token_seconds", "From asking the model, its queue included, to first text.", buckets=SECONDS
)
BETWEEN_TEXTS_SECONDS = Histogram(
    "xinglin_inter_token_seconds", "From one piece of text to the next, most often a token.", buckets=SHORT_SECONDS
)
QUEUE_SECONDS = Histogram("xinglin_queue_seconds", "How long requests waited for their place.", buckets=SECONDS)
TOKENS = Counter("xinglin_tokens", "Tokens that models read (prompt) and said (answer).", ("kind",))

TRIAGE = Counter("xinglin_triage", "Questions by what triage said.", ("level",))
ANSWERS = Counter(
    "xinglin_answers",
    "Answers of the pipeline: model; entry_words, an entry's own words in the place of the model's; emergency, "
    "asked_back and declined, by rule; not_finished, where the model failed or the reader left.",
    ("kind",),
)
CLAIMS = Counter("xinglin_claims", "Claims of answers, and citations, by what the check did.", ("outcome",))
LOOPS = Counter("xinglin_loops_cut", "Answers that were ended, or shortened, because they repeated themselves.")

CIRCUIT_OPEN = Gauge(
    "xinglin_upstream_circuit_open",
    "1 while the server that runs the model fails and is not asked.",
    multiprocess_mode="livemax",
)
UPSTREAM_FAILURES = Counter("xinglin_upstream_failures", "Requests that the server that runs the model did not answer.")

WAITING = Gauge(
    "xinglin_queue_length", "Requests that wait for their place, by version.", ("version",), multiprocess_mode="livesum"
)
RUNNING = Gauge(
    "xinglin_requests_running",
    "Requests that are being answered, by version.",
    ("version",),
    multiprocess_mode="livesum",
)
SERVED = Gauge(
    "xinglin_version",
    "1 for each version that is served, with its state.",
    ("version", "model", "state"),
    multiprocess_mode="livemax",
)
READY = Gauge("xinglin_ready", "1 where the model answers, as /readyz.", multiprocess_mode="livemin")
