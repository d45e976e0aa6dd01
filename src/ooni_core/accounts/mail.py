"""The one mail we send: a link by which somebody logs in."""

from html import escape

import attrs

from ooni_core.accounts.model import EmailAddress

_SUBJECT = "OONI Account activation"
_GOOD_FOR = "The link works on several devices and expires in 24 hours."
_IGNORE = "If you did not ask for it, ignore this message: nothing happens then."


@attrs.frozen
class Mail:
    """A message in plain text and in HTML, for one person."""

    to: EmailAddress
    subject: str
    text: str = attrs.field(repr=False)
    html: str = attrs.field(repr=False)


def login_mail(to: EmailAddress, link: str) -> Mail:
    """Return the mail that brings a login link; existing programs find the link by the text of its anchor."""
    text = f"Welcome to OONI.\n\nPlease login here:\n{link}\n\n{_GOOD_FOR}\n{_IGNORE}\n"
    html = (
        "<!doctype html>\n<html>\n<body>\n<p>Welcome to OONI.</p>\n<p>\n"
        f'<a href="{escape(link)}">Please login here</a>\n'
        f"</p>\n<p>{_GOOD_FOR}</p>\n<p>{_IGNORE}</p>\n</body>\n</html>\n"
    )
    return Mail(to, _SUBJECT, text, html)
