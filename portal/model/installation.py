"""What this database is."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import Base
from portal.model.base import Moment


class Installation(Base):
    """The one row that says what this database is: made by the demo, with one-click personas, or in real use."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    is_demo: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Moment)
