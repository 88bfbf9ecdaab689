"""Mail about jobs that ended: noted with the end itself, sent by a thread of the worker until it is sent."""
