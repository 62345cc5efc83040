"""Serves a model: ``python -m app model=latest``."""

from common.command import end_on_sigterm, read_config, run_command
from common.groups import choices, options_of

HELP = f"""
Serves a model: a web page, questions and answers with safety rules and sources, and an OpenAI-compatible API.

  python -m app model=latest                               the newest run below runs/ that can be served
  python -m app model=runs/medical_qlora/20261123-101500   a run
  python -m app model=latest engine=llamacpp               with llama.cpp; its GGUF file is written once, into the cache
  python -m app model=RUN engine=openai upstream.url=http://gpu:8000   in front of a server that runs the model (vLLM,
                                                           SGLang, llama.cpp; engine=tgi: text-generation-inference)
  python -m app model=/models/my-llama port=9000 domain=medical   a model directory
  python -m app model=latest audience=public audience.complaints=TEXT audience.records.folder=DIR \\
      serve.content_producer=NAME                          offered to the public: docs/compliance.md
  python -m app model=/models/my-instruct domain=medical grounding=entries   an instruct model answers from the entries

Then:
  http://127.0.0.1:8000/                                   the web page
  curl localhost:8000/v1/qa -H 'Content-Type: application/json' -d '{{"question": "高血压有哪些症状？"}}'
  curl localhost:8000/v1/models                            the model's name for OpenAI clients (base_url=…/v1)
                                                           with the same rules, sources and label: docs/service.md
  curl localhost:8000/v1/about                             the domain, its notices, the version of its knowledge base
  /livez  /readyz                                          process is up; model has answered and takes requests
  /metrics  /admin                                         for Prometheus; keys, records, versions of the model

Rules, notices and sources are those of the domain that the run records, and answers are checked against the knowledge
base that it was trained on. A model that records no domain is served as general: no rules, no sources.

Keys (configs/app.yaml, configs/serve/default.yaml):
  model=PATH|latest     required                           host=127.0.0.1  port=8000
  engine=local|llamacpp llamacpp: faster on a CPU          gguf=q8_0  its weights: f32 | f16 | bf16 | q8_0 | q4_0
  engine=openai|tgi     a server, docs/service.md          upstream.url=URL  upstream.model=NAME  upstream.key_file=FILE
  workers=1             processes in front of such a server; they count requests in Redis (access.rates.url)
  domain=NAME           {", ".join(options_of("domain"))}
  knowledge.path=DIR    cite this folder instead (md, docx, pdf, faq; or postgresql://…, python -m app.knowledge)
                                                           serve.max_body_bytes=1048576   longest request, then 413
  grounding=auto        entries: the model reads the entries that are found before it answers; none; auto: as trained
  verify=strict|mark|off   a claim that no entry holds is taken out, marked or left; default: as the domain says
  serve.max_batch=8     answers at once                    serve.max_new_tokens=256  tokens of an answer
  serve.queue_limit=64  requests that wait, then 503
  serve.longest_answer=null   most tokens, whatever a request's max_tokens says; null: what the context leaves
  serve.ask_back=true   a complaint is asked about its red flags first (medicine)
  serve.prefix_cache_mib=512   engine=local: memory for what prompts begin with, which is then read once
  serve.raw_model=true  serve the model alone, too, as NAME-raw, also at /v1/completions: no rules, no sources
  serve.ablation=true   serve the pipeline in parts, too, for eval/run.py ablation=URL: NAME-raw, -entries, -rules
  serve.content_producer=NAME                              who is responsible for the text, in the AI label's metadata

  audience.records.folder=DIR         record answers and feedback; audience.records.with_text=true with what was said
                                      DIR may be a database that replicas share: postgresql://user@host/database
  access.keys=keys.sqlite             the API keys, a file or a database   access.required=auto|always|never
  access.oidc.issuer=URL              tokens of a sign-on, beside keys (docs/access.md)
  access.rates.url=redis://HOST:6379  requests per minute of all replicas together
  runs_dir=runs         where latest searches; what /admin may load beside the served model, try and promote
  access.hosts=[ask.example.org]      names of the service, against DNS rebinding   access.origins=[URL]   CORS
  audience.handover.webhook=URL       is called where somebody may harm himself; never delays the answer

Choices (files in configs/):
{choices("app")}

Other machines (host=0.0.0.0) are served once there is an API key (python -m app.keys add NAME role=doctor); from then
on every request needs one: docs/access.md. Behind an authenticating proxy: access.required=never. On SIGTERM or Ctrl-C
new requests get 503 (emergencies their answer) and running ones are finished; a second Ctrl-C stops at once.
Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""


def main(arguments: list[str]) -> int | None:
    """Serves one model."""
    from app.config import AppConfig  # not needed by --help

    end_on_sigterm()  # also as process 1 of a container, whose default is to ignore it
    [config] = read_config("app", arguments, AppConfig)

    from app.start import checked

    start = checked(config)

    if config.workers > 1:
        from app.workers import serve_by_workers

        return serve_by_workers(config, start)

    from app.server import serve  # loads the libraries, which a wrong path or a port in use need not wait for

    serve(config, start)
    return None


if __name__ == "__main__":
    run_command(main, HELP)
