"""Everything about a model but training it: families, prompt formats, loading, export, engines that run it."""
