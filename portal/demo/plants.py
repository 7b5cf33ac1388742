"""The sixty machines and vehicles of the demo, one a line. All of them made up."""

from typing import NamedTuple


class Plant(NamedTuple):
    """A machine of the demo, with what it uses in an ordinary month."""

    owner: str
    name: str
    type: str
    carrier: str
    stage: str
    size: str
    year: int
    hours: int
    """Hours of a machine, kilometres of a vehicle."""
    amount: int
    """Litres, or kWh of electricity."""
    model: str

    @property
    def is_electric(self) -> bool:
        """Whether what it uses is kWh."""
        return self.carrier == "electricity"


_TABLE = """
tindegraving EL-1  crawler_excavator  electricity zero_emission 15_to_25  2023 150 3400 Elektrisk gravemaskin 17 t
tindegraving EL-2  wheel_loader       electricity zero_emission 8_to_15   2023 120 1500 Elektrisk hjullaster 8 t
tindegraving TG-07 crawler_excavator  diesel      V             15_to_25  2021 140  900 Gravemaskin 22 t
tindegraving TG-11 site_dumper        hvo         IV            8_to_15   2016 110  500 Dumper 9 t
tindegraving TG-12 roller             diesel      IIIB          2_5_to_8  2013  60  250 Vals 7 t
tindegraving TG-20 telehandler        diesel      V             2_5_to_8  2021  80  200 Teleskoptruck 6 t
tindegraving TG-21 mini_excavator     diesel      V             under_2_5 2020  70  160 Minigraver 2 t
tindegraving TG-22 pump               diesel      V             under_2_5 2022  90  120 Lensepumpe
tindegraving TG-30 crawler_excavator  diesel      V             25_to_40  2021 160 2400 Gravemaskin 30 t
tindegraving TG-31 articulated_dumper hvo         V             25_to_40  2020 150 2100 Rammestyrt dumper 30 t
tindegraving TG-32 dozer              diesel      V             15_to_25  2020 110 1500 Bulldoser 20 t
tindegraving TG-33 drilling_rig       diesel      V             15_to_25  2019 130 1900 Borerigg
tindegraving TG-34 crusher            diesel      IV            over_40   2017  60 1400 Knuseverk
tindegraving TG-E4 mini_excavator     electricity zero_emission under_2_5 2022 140 2900 Elektrisk minigraver
tindegraving TG-E5 wheel_loader       electricity zero_emission 8_to_15   2024 120 2600 Elektrisk hjullaster 11 t
tindegraving TG-L1 tipper             hvo         euro_6        15_to_25  2019 1800 700 Tippbil 3 aksler
tindegraving TG-L2 lorry              electricity zero_emission 15_to_25  2023 900 1200 Elektrisk lastebil
bratli       BA-E1 mini_excavator     electricity zero_emission under_2_5 2022 120  900 Elektrisk minigraver
bratli       BA-E2 wheel_loader       electricity zero_emission 2_5_to_8  2024 100 1300 Elektrisk hjullaster 5 t
bratli       BA-03 crawler_excavator  diesel      IIIA          8_to_15   2011 130  900 Gravemaskin 14 t
bratli       BA-05 wheel_loader       diesel      V             8_to_15   2021 110  700 Hjullaster 12 t
bratli       BA-09 site_dumper        diesel      IIIA          2_5_to_8  2010  90  350 Dumper 6 t
bratli       BA-10 roller             diesel      V             2_5_to_8  2020  50  150 Vals 4 t
bratli       BA-12 compressor         diesel      V             under_2_5 2021  60  140 Kompressor
solsiden     SV-1  crawler_excavator  diesel      V             8_to_15   2020 100  600 Gravemaskin 8 t
solsiden     SV-2  wheel_loader       diesel      IV            2_5_to_8  2016  90  450 Hjullaster 6 t
solsiden     SV-E3 mini_excavator     electricity zero_emission under_2_5 2023 110 1500 Elektrisk minigraver
solsiden     SV-7  site_dumper        hvo         V             2_5_to_8  2021  80  240 Dumper 6 t
solsiden     SV-8  roller             diesel      V             under_2_5 2022  40   90 Vals 1,5 t
solsiden     SV-4  grader             diesel      V             15_to_25  2019 120 1100 Veghøvel
solsiden     SV-E5 wheel_loader       electricity zero_emission 2_5_to_8  2023 130 1900 Elektrisk hjullaster 5 t
solsiden     SV-E6 telehandler        electricity zero_emission 2_5_to_8  2022  90 1100 Elektrisk teleskoptruck
solsiden     SV-9  wheel_excavator    diesel      V             15_to_25  2021 100  800 Hjulgraver 16 t
solsiden     SV-10 wheel_loader       hvo         V             8_to_15   2020 110  700 Hjullaster 13 t
solsiden     SV-11 mini_excavator     electricity zero_emission under_2_5 2024  60  600 Elektrisk minigraver 1,8 t
kvernberget  KA-1  asphalt_paver      diesel      V             15_to_25  2021 120 1600 Asfaltutlegger
kvernberget  KA-2  roller             diesel      V             8_to_15   2020 110  700 Tandemvals 10 t
kvernberget  KA-3  roller             diesel      V             8_to_15   2022 100  620 Tandemvals 9 t
kvernberget  KA-E4 roller             electricity zero_emission 2_5_to_8  2025 100 1300 Elektrisk vals 4 t
kvernberget  KA-5  articulated_dumper hvo         V             25_to_40  2021  90 1300 Rammestyrt dumper 25 t
kvernberget  KA-6  grader             diesel      IV            15_to_25  2017  80  800 Veghøvel
kvernberget  KA-L1 tipper             diesel      euro_6        15_to_25  2020 2100 820 Tippbil 4 aksler
kvernberget  KA-L2 tipper             hvo         euro_6        15_to_25  2022 1900 760 Tippbil 4 aksler
myra         MM-1  drilling_rig       diesel      V             over_40   2020 140 4200 Pelerigg 60 t
myra         MM-2  crane              diesel      V             over_40   2019 130 2600 Beltekran 80 t
myra         MM-3  crawler_excavator  diesel      V             25_to_40  2021 150 2300 Gravemaskin 28 t
myra         MM-4  concrete_pump      diesel      V             15_to_25  2021  60  900 Betongpumpe
myra         MM-5  compressor         diesel      V             2_5_to_8  2018 100  900 Kompressor
myra         MM-6  forklift           diesel      IV            2_5_to_8  2016  80  260 Gaffeltruck 5 t
myra         MM-E1 crawler_excavator  electricity zero_emission 15_to_25  2024 140 4100 Elektrisk gravemaskin 24 t
myra         MM-E2 wheel_loader       electricity zero_emission 8_to_15   2024 110 2200 Elektrisk hjullaster 11 t
myra         MM-E3 forklift           electricity zero_emission 2_5_to_8  2023 120  900 Elektrisk gaffeltruck
fossheim     FB-E1 crane              electricity zero_emission over_40   2024 160 5200 Tårnkran på strøm
fossheim     FB-E2 lift               electricity zero_emission 2_5_to_8  2023 100  500 Sakselift på strøm
fossheim     FB-E3 telehandler        electricity zero_emission 2_5_to_8  2024 110 1200 Elektrisk teleskoptruck
fossheim     FB-4  telehandler        diesel      V             2_5_to_8  2021  90  300 Teleskoptruck 7 t
fossheim     FB-5  crawler_excavator  diesel      V             15_to_25  2022 130  950 Gravemaskin 20 t
fossheim     FB-6  wheel_loader       hvo         V             8_to_15   2021 100  600 Hjullaster 11 t
fossheim     FB-7  concrete_pump      diesel      IV            15_to_25  2017  50  700 Betongpumpe
fossheim     FB-8  light_tower        diesel      V             under_2_5 2022 120  110 Lysmast
"""


def _plant(row: str) -> Plant:
    owner, name, type_, carrier, stage, size, year, hours, amount, model = row.split(maxsplit=9)
    return Plant(owner, name, type_, carrier, stage, size, int(year), int(hours), int(amount), model)


PLANTS = tuple(_plant(row) for row in _TABLE.strip().splitlines())
