"""The use cases, one module a verb: plan, then apply."""
