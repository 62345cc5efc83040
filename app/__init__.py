"""The service: medical questions and answers, an OpenAI-compatible API, a web page."""
