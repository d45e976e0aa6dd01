"""What a fresh installation starts with: one rule for each category, and a short list for want of any other."""

from ooni_core.prioritization.model import GLOBAL, ListedUrl, PriorityRule

_PRIORITIES = {
    100: ("NEWS", "POLR", "HUMR", "LGBT", "ANON", "COMT", "GRP"),
    80: ("MMED", "SRCH", "PUBH"),
    60: ("REL", "XED", "HOST", "ENV"),
    40: ("FILE", "CULTR", "IGO", "GOVT"),
    30: ("DATE", "HATE", "MILX", "PROV", "PORN", "GMB", "ALDR"),
    20: ("GAME", "MISC", "HACK", "ECON", "COMM", "CTRL"),
}

DEFAULT_RULES = tuple(
    PriorityRule(category_code=category, priority=priority)
    for priority, categories in _PRIORITIES.items()
    for category in categories
)
"""Without any rule every priority would be 0 and every list empty."""

_SEED = {
    "NEWS": ("www.bbc.com", "www.dw.com", "www.theguardian.com"),
    "POLR": ("www.opensecrets.org", "www.transparency.org"),
    "HUMR": ("www.amnesty.org", "www.hrw.org", "www.eff.org"),
    "LGBT": ("ilga.org", "www.outrightinternational.org"),
    "ANON": ("www.torproject.org", "psiphon.ca", "signal.org"),
    "COMT": ("www.whatsapp.com", "telegram.org", "www.skype.com"),
    "GRP": ("www.facebook.com", "twitter.com", "www.reddit.com"),
    "MMED": ("www.youtube.com", "vimeo.com", "soundcloud.com"),
    "SRCH": ("www.google.com", "duckduckgo.com", "www.bing.com"),
    "PUBH": ("www.unaids.org", "www.plannedparenthood.org"),
    "REL": ("www.vatican.va", "www.bahai.org"),
    "XED": ("www.scarleteen.com",),
    "HOST": ("wordpress.com", "medium.com", "github.com"),
    "ENV": ("www.greenpeace.org", "www.worldwildlife.org"),
    "FILE": ("archive.org", "www.dropbox.com"),
    "CULTR": ("www.wikipedia.org", "www.gutenberg.org"),
    "IGO": ("www.un.org", "www.who.int"),
    "GOVT": ("www.europa.eu", "www.usa.gov"),
    "DATE": ("www.match.com", "tinder.com"),
    "HATE": ("www.adl.org",),
    "MILX": ("www.globalsecurity.org",),
    "PROV": ("www.victoriassecret.com",),
    "PORN": ("www.pornhub.com",),
    "GMB": ("www.pokerstars.com", "www.bet365.com"),
    "ALDR": ("www.leafly.com",),
    "GAME": ("store.steampowered.com", "www.roblox.com"),
    "MISC": ("www.craigslist.org",),
    "HACK": ("www.kali.org", "www.exploit-db.com"),
    "ECON": ("www.imf.org", "www.worldbank.org"),
    "COMM": ("www.amazon.com", "www.ebay.com"),
    "CTRL": ("example.com", "example.org"),
}

SEED_LIST = tuple(
    ListedUrl(f"https://{domain}/", domain, GLOBAL, category)
    for category, domains in _SEED.items()
    for domain in domains
)
"""Well-known sites, at least one of each category: an answer without any URL makes probes give up."""
