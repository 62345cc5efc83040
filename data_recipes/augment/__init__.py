"""Ways to make instructions from what there is already: templates, prompts, demonstrations, mixes, a teacher."""
