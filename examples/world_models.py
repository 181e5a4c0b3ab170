"""The world database as SQLAlchemy models."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import CHAR, BigInteger, Double, Integer, Numeric, SmallInteger, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The models of this module."""


class Country(Base):
    """A country, by its three-letter code."""

    __tablename__ = "country"

    code: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    name: Mapped[str | None] = mapped_column(String)
    continent: Mapped[str | None] = mapped_column(CHAR(2))
    capital: Mapped[str | None] = mapped_column(String)
    surface_area: Mapped[Decimal | None] = mapped_column("surfacearea", Numeric(12, 1))
    population: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(CHAR(3))


class City(Base):
    """A city, stored beside its country."""

    __tablename__ = "city"
    __table_args__ = {"ignite_affinity_key": "countrycode"}  # noqa: RUF012 - SQLAlchemy's way

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    country_code: Mapped[str] = mapped_column("countrycode", CHAR(3), primary_key=True)
    name: Mapped[str | None] = mapped_column(String)
    district: Mapped[str | None] = mapped_column(String)
    population: Mapped[int | None] = mapped_column(Integer)
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    time_zone: Mapped[str | None] = mapped_column("timezone", String)


class CountryLanguage(Base):
    """A language of a country; position 1 is the most spoken one."""

    __tablename__ = "countrylanguage"
    __table_args__ = {"ignite_affinity_key": "countrycode"}  # noqa: RUF012

    country_code: Mapped[str] = mapped_column("countrycode", CHAR(3), primary_key=True)
    language: Mapped[str] = mapped_column(String, primary_key=True)
    position: Mapped[int | None] = mapped_column(SmallInteger)
