"""The modules that can be simulated, and the tables that a master of their generation prints."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """One type of module with one firmware: Ah, mA, thousandths of a degree Celsius."""

    name: str
    maker: str
    board_version: str
    main_soft: str
    soft: str
    boot: str
    released: str
    barcode: str
    """Beginning of the serial number, which is filled up to 16 characters."""
    capacity: float
    most_discharge: int
    most_charge: int
    cells: int = 15
    sensor_cells: tuple[int, ...] = (4, 4, 4, 3)
    """Cells of each temperature sensor."""
    temperature_step: int = 100
    board: str = ""
    link_rate: bool = True
    mosfet: bool = True
    """The temperature of the MOSFETs is measured."""
    health: bool = True
    """`stat` has a state of health."""
    real_capacity: bool = False
    """`pwr N` has a line Real Coulomb."""
    most_voltage: int = 54000
    """Highest module voltage, mV."""


US2000B = Model(
    name="US2KBPL",
    maker="Pylon",
    board_version="PHANTOMSAV10R03",
    main_soft="B66.6",
    soft="V2.4",
    boot="V2.0",
    released="20-05-28",
    barcode="PPTBH",
    capacity=50.0,
    most_discharge=-100000,
    most_charge=102000,
    sensor_cells=(5, 5, 5),
    temperature_step=1000,
    mosfet=False,
    health=False,
)
US2000C = Model(
    name="US2000C",
    maker="Pylon",
    board_version="V10R04",
    main_soft="B68.2",
    soft="V2.6",
    boot="V2.0",
    released="21-11-03",
    barcode="HPTCR",
    capacity=50.0,
    most_discharge=-100000,
    most_charge=102000,
    board="US2C.E1",
)
US5000 = Model(
    name="US5000",
    maker="Pylon",
    board_version="V10R04",
    main_soft="B69.25.0.0",
    soft="V2.0",
    boot="V1.0",
    released="23-03-17",
    barcode="YPT5K",
    capacity=100.0,
    most_discharge=-100000,
    most_charge=100000,
    board="NF4.E3",
)
PYTES_4850 = Model(
    name="E-BOX-4850P",
    maker="PYTES",
    board_version="SQBMSV13",
    main_soft="SPBMS15SPH2111V1.3.19",
    soft="V1.3",
    boot="V1.6",
    released="22-12-20",
    barcode="LB4850",
    capacity=50.0,
    most_discharge=-102000,
    most_charge=102000,
    sensor_cells=(5, 5, 5),
    temperature_step=1000,
    link_rate=False,
    mosfet=False,
    real_capacity=True,
)
PYTES_V5 = Model(
    name="E-BOX-48100V-D",
    maker="PYTES",
    board_version="SQBMSV20",
    main_soft="SPBMS16SRP2207V1.4.2",
    soft="V1.4",
    boot="V1.6",
    released="23-06-14",
    barcode="E48100",
    capacity=100.0,
    most_discharge=-102000,
    most_charge=102000,
    cells=16,
    sensor_cells=(4, 4, 4, 4),
    temperature_step=1000,
    link_rate=False,
    mosfet=False,
    real_capacity=True,
    most_voltage=57600,
)
TOWER = Model(
    name="CMU_A",
    maker="Pylon",
    board_version="TISP01V10R02_1",
    main_soft="B52.34.0",
    soft="V5.6",
    boot="V1.4",
    released="22-05-23",
    barcode="H225",
    capacity=74.0,
    most_discharge=-80000,
    most_charge=80000,
    sensor_cells=(5, 5, 5),
    temperature_step=1000,
    mosfet=False,
)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a master prints: its table `pwr` has ``slots`` rows (reference section 5)."""

    name: str
    model: Model
    slots: int
    prompt: str = "pylon"
    index_columns: bool = False
    """`pwr` tells which cell or sensor is the lowest and the highest."""
    mosfet_columns: bool = False
    alarm_column: bool = False
    barcode_columns: bool = False
    bat_form: str = "new"
    tower: bool = False
    """High voltage: the modules are in series, and the tables are other ones (reference section 9)."""


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("A", US2000B, 8, bat_form="old"),
        Layout("A_pytes", PYTES_4850, 8, prompt="PYTES", bat_form="old"),
        Layout("A+", PYTES_V5, 16, prompt="PYTES", barcode_columns=True, bat_form="no_current"),
        Layout("B", US2000C, 16, mosfet_columns=True),
        Layout("C", US5000, 16, index_columns=True, mosfet_columns=True, alarm_column=True),
        Layout("HV", TOWER, 16, tower=True),
    )
}
