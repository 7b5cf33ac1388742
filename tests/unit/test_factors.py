"""The figures are recomputed by hand from what the publishers print; the arithmetic stands in the test."""

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import factors
from portal.factors import Basis

unhurried = settings(deadline=None)  # a busy machine is no fault of the code

NIR = factors.edition("nir-2021")
DESNZ = factors.edition("desnz-2025-ttw")
DESNZ_WTT = factors.edition("desnz-2025-wtt")
SWEDEN = factors.edition("energimyndigheten-2016")
NVE = factors.edition("nve-2023")

PUBLISHED = {
    "desnz-2025-electricity": "1b54ef3394bf6697",
    "desnz-2025-ttw": "362ad2742cbbb136",
    "desnz-2025-wtt": "34da0dbe86fbfa67",
    "energimyndigheten-2016": "ba16ee5294abd2d4",
    "nir-2021": "203ba8dd63afc82d",
    "nve-2019": "fd3a7d457923c4d7",
    "nve-2020": "b6530140638075dc",
    "nve-2022": "9b78c524a4a4a005",
    "nve-2023": "5b1fe9c998e8b674",
}

DOUBTFUL = {
    "nir-2021/pellets/kg",
    "nir-2021/wood_chips/kg",
    "nir-2021/firewood/kg",
    "desnz-2025-ttw/diesel_mineral/l",
    "desnz-2025-ttw/gas_oil/l",
    "desnz-2025-ttw/petrol/l",
    "desnz-2025-ttw/petrol_mineral/l",
    "desnz-2025-ttw/biogas/kg",
    "desnz-2025-ttw/biogas_liquid/kg",
    "desnz-2025-wtt/district_heat/kWh",
    "desnz-2025-electricity/district_heat/kWh",
}


def printed(key: str) -> list[dict[str, Any]]:
    """The figures of an edition as its file holds them."""
    stored = json.loads((factors.EDITIONS / f"{key}.json").read_text(encoding="utf-8"))
    figures: list[dict[str, Any]] = stored["factors"]
    return figures


def kg(basis: Basis, carrier: str, amount: str, unit: str = "") -> Decimal | None:
    found = basis.emissions(carrier, Decimal(amount), unit)
    return found.kg if found else None


def kwh(basis: Basis, carrier: str, amount: str, unit: str = "") -> Decimal | None:
    found = basis.energy(carrier, Decimal(amount), unit)
    return found.kwh if found else None


# The editions


def test_a_published_edition_is_never_edited() -> None:
    """A changed figure is a new edition: decided reports rest on these bytes."""
    files = {file.stem: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in factors.EDITIONS.glob("*.json")}
    assert files == PUBLISHED


@pytest.mark.parametrize("edition", factors.editions(), ids=lambda edition: edition.key)
def test_an_edition_says_where_it_comes_from_and_what_it_counts(edition: factors.Edition) -> None:
    assert edition.publisher
    assert edition.source
    assert edition.title.nb
    assert edition.title.en
    assert edition.boundary in {"TTW", "WTT", "WTW"}
    assert edition.unit in {"kg CO2", "kg CO2e"}
    assert len({factor.id for factor in edition.factors}) == len(edition.factors)
    for factor in edition.factors:
        assert factor.value >= 0
        assert factor.energy is None or factor.energy > 0
        assert (factor.note.nb == "") == (factor.note.en == "")
        assert factor.note.nb or not factor.doubtful, "a doubt has its reason"


def test_exactly_these_figures_are_in_doubt() -> None:
    assert {factor.id for edition in factors.editions() for factor in edition.factors if factor.doubtful} == DOUBTFUL


@pytest.mark.parametrize("factor_id", sorted(DOUBTFUL))
def test_a_doubtful_figure_comes_only_when_asked_for(factor_id: str) -> None:
    key, carrier, unit = factor_id.split("/")
    edition = factors.edition(key)
    assert edition.factor(carrier, unit) is None
    assert edition.factor(carrier) is None
    asked_for = edition.factor(carrier, unit, allow_doubtful=True)
    assert asked_for is not None
    assert asked_for.note.nb


def test_an_unknown_edition_is_an_error() -> None:
    with pytest.raises(KeyError):
        factors.edition("nve-2021")


def test_a_figure_in_another_unit_is_no_figure() -> None:
    assert NIR.factor("diesel", "kg") is None
    assert NIR.factor("lpg", "l") != NIR.factor("lpg", "kg")
    assert NIR.factor("lpg") == NIR.factor("lpg", "kg")


# Cross-checks of the figures themselves


@pytest.mark.parametrize("row", [row for row in printed("nir-2021") if "per_kg" in row], ids=lambda row: row["carrier"])
def test_kg_per_litre_is_kg_per_kg_times_density(row: dict[str, Any]) -> None:
    """Printed with two decimals, so the product may be half a hundredth off."""
    assert abs(Decimal(row["per_kg"]) * Decimal(row["density"]) - Decimal(row["kg"])) <= Decimal("0.005")


@pytest.mark.parametrize(
    "row", [row for row in printed("nir-2021") if "biogenic_per_kg" in row], ids=lambda r: r["carrier"]
)
def test_biogenic_kg_per_litre_is_kg_per_kg_times_density(row: dict[str, Any]) -> None:
    product = Decimal(row["biogenic_per_kg"]) * Decimal(row["density"])
    assert abs(product - Decimal(row["biogenic"])) <= Decimal("0.005")
    assert row["kg"] == "0"


@pytest.mark.parametrize(
    ("carrier", "kg_per_kwh"),
    [
        ("diesel", "0.265"),
        ("petrol", "0.257"),
        ("heating_oil", "0.26"),
        ("paraffin", "0.26"),
        ("lng", "0.20"),
        ("lpg", "0.23"),
    ],
)
def test_the_norwegian_table_agrees_with_its_own_column_per_kwh(carrier: str, kg_per_kwh: str) -> None:
    factor = NIR.factor(carrier)
    assert factor is not None
    assert factor.energy is not None
    assert abs(factor.value / factor.energy - Decimal(kg_per_kwh)) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("carrier", "kwh_in_2015"), [("diesel", "10.056"), ("petrol", "9.024"), ("paraffin", "9.694"), ("lpg", "12.815")]
)
def test_energy_content_is_within_one_percent_of_the_older_table(carrier: str, kwh_in_2015: str) -> None:
    factor = NIR.factor(carrier)
    assert factor is not None
    assert factor.energy is not None
    assert abs(factor.energy / Decimal(kwh_in_2015) - 1) < Decimal("0.01")


def test_british_propane_has_one_density_in_both_tables() -> None:
    densities = []
    for edition in (DESNZ, DESNZ_WTT):
        per_litre, per_kg = edition.factor("lpg", "l"), edition.factor("lpg", "kg")
        assert per_litre is not None
        assert per_kg is not None
        densities.append(per_litre.value / per_kg.value)
    assert all(abs(density - Decimal("0.515")) < Decimal("0.001") for density in densities)


def test_swedish_fossil_diesel_is_near_the_fossil_baseline_of_the_union() -> None:
    """3,414 g/l ÷ 35.9 MJ/l = 95.1 g/MJ; Directive 2015/652 has 94.1."""
    factor = SWEDEN.factor("diesel_mineral")
    assert factor is not None
    assert factor.energy is not None
    grams_per_megajoule = factor.value * 1000 / (factor.energy * Decimal("3.6"))
    assert abs(grams_per_megajoule / Decimal("94.1") - 1) < Decimal("0.02")


# Emissions and energy


@pytest.mark.parametrize(
    ("basis", "carrier", "amount", "expected"),
    [
        (Basis(NIR), "diesel", "2110", Decimal("5612.6")),  # 2 110 l * 2.66
        (Basis(NIR), "petrol", "100", Decimal(232)),  # 100 l * 2.32
        (Basis(NIR), "lpg", "12.5", Decimal("37.5")),  # 12.5 kg * 3.00
        (Basis(NIR), "fame", "500", Decimal(0)),  # its 500 * 2.51 = 1 255 kg are biogenic
        (Basis(DESNZ), "diesel", "1000", Decimal("2570.82")),
        (Basis(DESNZ), "hvo", "1000", Decimal("35.58")),
        (Basis(DESNZ_WTT), "hvo", "1000", Decimal("564.39")),
        (Basis(SWEDEN), "diesel", "1000", Decimal(2853)),
        (Basis(SWEDEN), "hvo", "250", Decimal(119)),  # 250 * 0.476
        (Basis(SWEDEN), "electricity", "1000", Decimal("47.16")),  # 13.1 g/MJ * 3.6 MJ/kWh
        (Basis(NIR, NVE), "electricity", "1000", Decimal(15)),
        (Basis(NIR, factors.edition("nve-2020")), "electricity", "12.5", Decimal("0.1")),  # 12.5 * 0.008
    ],
)
def test_emissions_are_amount_times_factor(basis: Basis, carrier: str, amount: str, expected: Decimal) -> None:
    assert kg(basis, carrier, amount) == expected


@pytest.mark.parametrize(
    ("basis", "carrier", "amount", "expected"),
    [
        (Basis(NIR), "diesel", "1", Decimal("10.08")),  # 0.84 kg/l * 12 kWh/kg
        (Basis(NIR), "diesel", "2110", Decimal("21268.8")),
        (Basis(NIR), "petrol", "1", Decimal("9.028")),  # 0.74 * 12.2
        (Basis(NIR), "fame", "1", Decimal("8.9936")),  # 0.88 * 10.22
        (Basis(NIR), "lpg", "2", Decimal("25.6")),
        (Basis(DESNZ), "hvo", "100", Decimal(953)),
        (Basis(SWEDEN), "diesel", "100", Decimal("986.111111")),  # 35.5 MJ ÷ 3.6 = 9.8611… kWh
        (Basis(SWEDEN), "hvo", "9", Decimal(85)),  # 34.0 ÷ 3.6 * 9
        (Basis(NIR), "electricity", "77.5", Decimal("77.5")),
    ],
)
def test_energy_is_amount_times_energy_content(basis: Basis, carrier: str, amount: str, expected: Decimal) -> None:
    assert kwh(basis, carrier, amount) == expected


def test_the_result_carries_its_factor_edition_and_gas() -> None:
    found = Basis(NIR, NVE).emissions("diesel", Decimal(1))
    assert found is not None
    assert (found.gas, found.factor.id, found.edition) == ("CO2", "nir-2021/diesel/l", NIR)
    power = Basis(NIR, NVE).emissions("electricity", Decimal(1), "kWh")
    assert power is not None
    assert (power.gas, power.factor.id, power.edition) == ("CO2e", "nve-2023/electricity/kWh", NVE)


@pytest.mark.parametrize(
    ("basis", "carrier", "unit"),
    [
        (Basis(NIR), "diesel", "kg"),  # a unit the table does not have
        (Basis(NIR), "unobtainium", ""),
        (Basis(NIR), "pellets", ""),  # in doubt
        (Basis(DESNZ), "petrol", ""),  # in doubt
        (Basis(DESNZ), "biogas", ""),  # in doubt
        (Basis(SWEDEN), "biogas", ""),
        (Basis(SWEDEN), "hydrogen", ""),  # made somewhere: 0 only at the machine
        (Basis(DESNZ_WTT, biofuel="zero"), "ethanol", ""),
    ],
)
def test_without_a_sourced_figure_there_is_no_answer(basis: Basis, carrier: str, unit: str) -> None:
    assert basis.emissions(carrier, Decimal(100), unit) is None


def test_energy_that_no_table_gives_is_no_answer_until_a_supplement_is_named() -> None:
    assert Basis(NIR).energy("hvo", Decimal(100)) is None
    found = Basis(NIR, supplement=DESNZ).energy("hvo", Decimal(100), "l")
    assert found is not None
    assert (found.kwh, found.factor.id) == (Decimal(953), "desnz-2025-ttw/hvo/l")
    assert kwh(Basis(NIR, supplement=DESNZ), "diesel", "1") == Decimal("10.08"), "the fuel edition comes first"
    assert kg(Basis(NIR, biofuel="zero", supplement=DESNZ), "hvo", "1") == 0, "a supplement gives no emissions"
    assert kwh(Basis(DESNZ), "hydrogen", "1") is None


def test_electricity_has_no_direct_emissions_where_the_contract_does_not_count_its_making() -> None:
    for edition in (NIR, DESNZ):
        found = Basis(edition).emissions("electricity", Decimal(1000), "kWh")
        assert found is not None
        assert (found.kg, found.gas) == (Decimal(0), edition.gas)
    assert any("Strøm teller som 0" in sentence.nb for sentence in Basis(NIR).sentences())


def test_hydrogen_and_district_heat_have_no_direct_emissions() -> None:
    assert kg(Basis(NIR), "hydrogen", "10") == 0
    assert kg(Basis(NIR), "district_heat", "10") == 0


# How biofuel counts


def test_a_burnt_biofuel_is_nothing_in_co2_and_unknown_in_co2e_without_a_figure() -> None:
    assert kg(Basis(NIR, biofuel="zero"), "ethanol", "10") == 0
    assert Basis(DESNZ, biofuel="zero").emissions("ethanol", Decimal(10), "l") is None


def test_biofuel_as_zero_follows_the_table_or_counts_nothing_at_use() -> None:
    assert kg(Basis(DESNZ, biofuel="zero"), "hvo", "1000") == Decimal("35.58")
    assert kg(Basis(NIR, biofuel="zero"), "hvo", "1000") == 0


@pytest.mark.parametrize(
    ("edition", "carrier", "expected"),
    [
        (NIR, "hvo", Decimal(2660)),
        (NIR, "fame", Decimal(2660)),
        (NIR, "ethanol", Decimal(2320)),
        (SWEDEN, "hvo", Decimal(3414)),  # the Swedish figure for diesel without biofuel, not for diesel as sold
        (DESNZ_WTT, "hvo", Decimal("624.09")),
        (DESNZ, "hvo", None),  # the figure for mineral diesel is in doubt
    ],
)
def test_biofuel_as_fossil_counts_as_the_fuel_it_replaces(
    edition: factors.Edition, carrier: str, expected: Decimal | None
) -> None:
    assert kg(Basis(edition, biofuel="fossil"), carrier, "1000") == expected


@pytest.mark.parametrize("carrier", ["hvo", "fame", "diesel"])
def test_with_the_mandate_every_litre_counts_as_the_fuel_that_is_sold(carrier: str) -> None:
    basis = Basis(NIR, biofuel="mandate_share")
    found = basis.emissions(carrier, Decimal(1000), "l")
    assert found is not None
    assert found.kg == Decimal(2394)  # 1 000 l * 2.66 * (1 - 0.10)
    assert found.factor.id == "nir-2021/diesel/l#mandate-0.1"
    assert kg(Basis(NIR, biofuel="mandate_share", mandate=Decimal("0.19")), carrier, "1000") == Decimal("2154.6")
    assert kg(Basis(SWEDEN, biofuel="mandate_share"), carrier, "1000") == Decimal(2853), "it is a blend already"


def test_other_fuels_do_not_follow_the_mandate() -> None:
    assert kg(Basis(NIR, biofuel="mandate_share"), "heating_oil", "100") == Decimal(266)
    assert kg(Basis(NIR, biofuel="fossil"), "diesel", "100") == Decimal(266)


def test_the_policy_changes_emissions_and_never_energy() -> None:
    energies = {kwh(Basis(DESNZ, biofuel=policy), "hvo", "100") for policy in ("zero", "fossil", "mandate_share")}
    assert energies == {Decimal(953)}


# In words and stored


def test_the_basis_is_printed_in_plain_words() -> None:
    basis = Basis(NIR, NVE, biofuel="mandate_share", boundary="inside", supplement=DESNZ)
    assert [sentence.nb for sentence in basis.sentences()] == [
        (
            "Drivstoff: Norges klimagassregnskap 2021 (Miljødirektoratet, 2021, NO). "
            "Direkte utslipp der energien brukes (TTW), i kg CO2."
        ),
        "Innenfor gjerdet: maskiner, energi og oppvarming, og transport på plassen.",
        (
            "Hver liter diesel, bensin og biodrivstoff teller som drivstoff med den andelen biodrivstoff som "
            "omsetningskravet gir: 10 % der faktorutgaven ikke alt har den med."
        ),
        "Strøm: Fysisk levert strøm i Norge 2023 (NVE, 2023, NO), i kg CO2e.",
        "Drivstoff og strøm er regnet i CO2 og CO2e. De to legges aldri sammen.",
        (
            "Energiinnhold som mangler i utgaven for drivstoff: "
            "Britiske utslippsfaktorer 2025, direkte (UK DESNZ, 2025, GB)."
        ),
        "Energi ved maskinen kan ikke beregnes: kontrakten viser ikke til noen tabell over virkningsgrad.",
    ]


def test_the_basis_names_the_global_warming_potentials_where_the_source_does() -> None:
    assert Basis(DESNZ).sentences()[0].en.endswith("in kg CO2e, AR5.")


@pytest.mark.parametrize("edition", factors.editions(), ids=lambda edition: edition.key)
@pytest.mark.parametrize("biofuel", ["zero", "fossil", "mandate_share"])
@pytest.mark.parametrize("fence", ["inside", "outside"])
def test_every_basis_has_its_words_in_both_languages(
    edition: factors.Edition, biofuel: factors.Biofuel, fence: factors.Fence
) -> None:
    for sentence in Basis(edition, NVE, biofuel, fence).sentences():
        assert sentence.nb != sentence.en
        assert not {"{", "}"} & set(sentence.nb + sentence.en)


@pytest.mark.parametrize(
    "basis",
    [
        Basis(NIR),
        Basis(DESNZ, NVE, "fossil", "outside"),
        Basis(NIR, None, "mandate_share", "inside", Decimal("0.19"), DESNZ),
    ],
)
def test_a_basis_survives_json(basis: Basis) -> None:
    assert Basis.load(json.loads(json.dumps(basis.dump()))) == basis


@unhurried
@given(
    st.sampled_from([factor.carrier for edition in factors.editions() for factor in edition.factors]),
    st.decimals(0, 10**7, places=6),
    st.sampled_from([Basis(NIR, NVE), Basis(DESNZ, biofuel="fossil"), Basis(SWEDEN, NVE, "mandate_share")]),
)
def test_results_have_at_most_six_decimals_and_are_off_by_half_a_millionth_at_most(
    carrier: str, amount: Decimal, basis: Basis
) -> None:
    found = basis.emissions(carrier, amount)
    if found:
        assert found.kg == found.kg.quantize(Decimal("0.000001"))
        assert abs(found.kg - amount * found.factor.value) <= Decimal("0.0000005")
    energy = basis.energy(carrier, amount)
    if energy and energy.factor.energy is not None:
        assert abs(energy.kwh - amount * energy.factor.energy) <= Decimal("0.0000005")
