// Nothing but a home for the precompiled header.
