"""Tables of what people contribute: accounts, incidents, OONI Run links, feedback."""

from ooni_adapters.sql.schema import Column, Kind, Table

ACCOUNTS = Table(
    name="accounts",
    doc="roles, by hashed e-mail address; an absent account is a plain user",
    columns=(
        Column("account_id", Kind.TEXT),
        Column("role", Kind.LABEL),
        Column("update_time", Kind.TIME, stamped=True),
    ),
    key=("account_id",),
    private=True,
)

SESSION_EXPUNGE = Table(
    name="session_expunge",
    doc="sessions of an account that began before this time are invalid",
    columns=(Column("account_id", Kind.TEXT), Column("threshold", Kind.TIME, stamped=True)),
    key=("account_id",),
    private=True,
)

INCIDENTS = Table(
    name="incidents",
    doc="reports on blocking, written by people",
    columns=(
        Column("update_time", Kind.TIME_MS, stamped=True),
        Column("start_time", Kind.TIME, stamped=True),
        Column("end_time", Kind.TIME, nullable=True),
        Column("creator_account_id", Kind.TEXT),
        Column("reported_by", Kind.TEXT),
        Column("id", Kind.TEXT),
        Column("title", Kind.TEXT),
        Column("text", Kind.TEXT),
        Column("event_type", Kind.LABEL),
        Column("published", Kind.UINT8),
        Column("deleted", Kind.UINT8),
        Column("CCs", Kind.TEXTS),
        Column("ASNs", Kind.UINT32S),
        Column("domains", Kind.TEXTS),
        Column("tags", Kind.TEXTS),
        Column("links", Kind.TEXTS),
        Column("test_names", Kind.TEXTS),
        Column("short_description", Kind.TEXT),
        Column("email_address", Kind.TEXT),
        Column("create_time", Kind.TIME, stamped=True),
        Column("slug", Kind.TEXT),
        Column("themes", Kind.TEXTS),
    ),
    key=("id",),
    private=True,
)

OONIRUN = Table(
    name="oonirun",
    doc="OONI Run links: descriptors and their translations",
    columns=(
        Column("ooni_run_link_id", Kind.UINT64),
        Column("descriptor_creation_time", Kind.TIME_MS),
        Column("translation_creation_time", Kind.TIME_MS),
        Column("creator_account_id", Kind.TEXT),
        Column("archived", Kind.UINT8),
        Column("descriptor", Kind.TEXT),
        Column("author", Kind.TEXT),
        Column("name", Kind.TEXT),
        Column("short_description", Kind.TEXT),
        Column("icon", Kind.TEXT),
        Column("expiration_date", Kind.TIME, nullable=True),
    ),
    key=("ooni_run_link_id", "descriptor_creation_time"),
    private=True,
)

MSMT_FEEDBACK = Table(
    name="msmt_feedback",
    doc="what people say about single measurements",
    columns=(
        Column("measurement_uid", Kind.TEXT),
        Column("account_id", Kind.TEXT),
        Column("status", Kind.LABEL),
        Column("update_time", Kind.TIME_MS, stamped=True),
        Column("comment", Kind.TEXT),
    ),
    key=("measurement_uid", "account_id"),
    private=True,
)

COMMUNITY_TABLES = (ACCOUNTS, SESSION_EXPUNGE, INCIDENTS, OONIRUN, MSMT_FEEDBACK)
