"""The service: questions and answers of a domain, an OpenAI-compatible API, a web page."""
