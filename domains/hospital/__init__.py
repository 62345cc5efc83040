"""A hospital's own documents under the safety rules of medicine."""
