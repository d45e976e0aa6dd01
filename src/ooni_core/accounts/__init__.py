"""Who somebody is, without storing who they are: account ids, signed tokens, roles and sessions."""
