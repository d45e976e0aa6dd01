"""Mail by SMTP."""

from ooni_adapters.mail.smtp import NoMailer, SmtpMailer

__all__ = ["NoMailer", "SmtpMailer"]
