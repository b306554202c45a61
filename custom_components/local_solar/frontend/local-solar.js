// The dashboard "Local Solar": what matters now, then one section per device, then the graphs. It follows the
// registries, so it needs no editing when a device comes or a family is added.

const DOMAIN = "local_solar";

const TEXTS = {
  en: { overview: "Overview", history: "History", power: "Power", energy: "Energy today", soc: "State of charge", settings: "Settings", link: "Connection", condition: "Condition" },
  de: { overview: "Übersicht", history: "Verlauf", power: "Leistung", energy: "Energie heute", soc: "Ladezustand", settings: "Einstellungen", link: "Verbindung", condition: "Zustand" },
  fr: { overview: "Aperçu", history: "Historique", power: "Puissance", energy: "Énergie aujourd’hui", soc: "État de charge", settings: "Réglages", link: "Liaison", condition: "État" },
  es: { overview: "Resumen", history: "Historial", power: "Potencia", energy: "Energía hoy", soc: "Estado de carga", settings: "Ajustes", link: "Conexión", condition: "Estado" },
  it: { overview: "Panoramica", history: "Cronologia", power: "Potenza", energy: "Energia oggi", soc: "Stato di carica", settings: "Impostazioni", link: "Collegamento", condition: "Stato" },
  nl: { overview: "Overzicht", history: "Geschiedenis", power: "Vermogen", energy: "Energie vandaag", soc: "Laadtoestand", settings: "Instellingen", link: "Verbinding", condition: "Toestand" },
};

// What is known of the link; the other diagnostics tell how the device does.
const LINK = new Set(["link", "link_state", "last_answer", "last_error", "exchanges_per_cycle"]);

const domainOf = (item) => item.entity_id.split(".")[0];
const classOf = (hass, item) => hass.states[item.entity_id]?.attributes.device_class;

function tile(item, extra = {}) {
  return { type: "tile", entity: item.entity_id, name: { type: "entity" }, ...extra };
}

function heading(text, icon, style = "title") {
  return { type: "heading", heading: text, heading_style: style, icon };
}

function graph(title, items, hours) {
  return {
    type: "history-graph",
    title,
    hours_to_show: hours,
    entities: items.map((item) => ({ entity: item.entity_id })),
    grid_options: { columns: "full" },
  };
}

function deviceName(device) {
  return device.name_by_user || device.name || device.id;
}

function iconOf(hass, items) {
  if (items.some((item) => classOf(hass, item) === "battery")) return "mdi:home-battery";
  if (items.some((item) => /solar|pv_/.test(item.translation_key || ""))) return "mdi:solar-panel-large";
  if (items.some((item) => item.entity_category === "diagnostic" && item.translation_key === "link_state")) return "mdi:lan";
  return "mdi:power-socket";
}

// Values first, in the order in which they are worth a look; the sums of past days last.
function rank(hass, item) {
  const order = ["battery", "power", "enum", "current", "voltage", "frequency", "temperature", "energy"];
  const place = order.indexOf(classOf(hass, item));
  const past = /yesterday/.test(item.translation_key || "") ? 100 : 0;
  return past + (place < 0 ? order.length : place);
}

function deviceSection(hass, text, device, items) {
  const settings = items.filter((item) => item.entity_category === "config");
  const diagnostics = items.filter((item) => item.entity_category === "diagnostic");
  const values = items
    .filter((item) => !item.entity_category)
    .map((item, place) => [rank(hass, item), place, item])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1])
    .map((entry) => entry[2]);
  const cards = [heading(deviceName(device), iconOf(hass, items))];
  cards.push(...values.map((item) => tile(item, domainOf(item) === "switch" ? { grid_options: { columns: "full" } } : {})));
  if (settings.length) {
    cards.push(heading(text.settings, "mdi:tune", "subtitle"));
    cards.push(...settings.map((item) => tile(item)));
  }
  const link = diagnostics.filter((item) => LINK.has(item.translation_key));
  const condition = diagnostics.filter((item) => !LINK.has(item.translation_key));
  if (condition.length) {
    cards.push(heading(text.condition, "mdi:stethoscope", "subtitle"));
    cards.push(...condition.map((item) => tile(item)));
  }
  if (link.length) {
    cards.push(heading(text.link, "mdi:lan", "subtitle"));
    cards.push(...link.map((item) => tile(item)));
  }
  return { type: "grid", cards };
}

// The device that stands for a whole installation: the one at the end of the chain.
function rootOf(hass, deviceId) {
  const device = hass.devices[deviceId];
  return device?.via_device_id && hass.devices[device.via_device_id] ? rootOf(hass, device.via_device_id) : device;
}

// A part of a power that is shown as a whole: one tracker, string or phase of several.
const PART = /^(pv\d|mpp|l\d)|_(string|phase|l)_?\d/;

// Totals of an installation first: the battery's charge, then every power.
function overviewSection(hass, text, root, values, alone) {
  const powers = values.filter((item) => classOf(hass, item) === "power" && !PART.test(item.translation_key || ""));
  // A device without a power is a part of a battery, not the battery.
  const batteries = values.filter(
    (item) => item.translation_key === "state_of_charge" && powers.some((power) => power.device_id === item.device_id),
  );
  // Where the installation as a whole has one, its parts do not matter here.
  const whole = batteries.filter((item) => item.device_id === root.id);
  const charges = whole.length ? whole : batteries;
  const cards = [
    ...charges.slice(0, 2).map((item) => ({
      type: "gauge",
      entity: item.entity_id,
      name: text.soc,
      min: 0,
      max: 100,
      severity: { green: 50, yellow: 20, red: 0 },
      grid_options: { columns: 6, rows: 3 },
    })),
    ...powers.map((item) => {
      const own = item.device_id === root.id;
      return tile(item, { name: own ? { type: "entity" } : [{ type: "device" }, { type: "entity" }], grid_options: { columns: 6 } });
    }),
  ];
  const title = alone ? text.overview : `${text.overview}: ${deviceName(root)}`;
  return cards.length ? [{ type: "grid", cards: [heading(title, "mdi:solar-power-variant"), ...cards] }] : [];
}

function historySection(hass, text, values) {
  const powers = values.filter((item) => classOf(hass, item) === "power");
  const energies = values.filter((item) => classOf(hass, item) === "energy" && /today/.test(item.translation_key || ""));
  const cards = [];
  if (powers.length) cards.push(graph(text.power, powers, 24));
  if (energies.length) cards.push(graph(text.energy, energies, 24));
  return cards.length ? [{ type: "grid", column_span: 4, cards: [heading(text.history, "mdi:chart-line"), ...cards] }] : [];
}

class LocalSolarDashboard extends HTMLElement {
  static registryDependencies = ["entities", "devices"];

  static async generate(config, hass) {
    const text = TEXTS[(hass.locale?.language || hass.language || "en").split("-")[0]] || TEXTS.en;
    const mine = Object.values(hass.entities).filter(
      (item) => item.platform === DOMAIN && !item.hidden && hass.states[item.entity_id],
    );
    const groups = new Map();
    for (const item of mine) {
      const device = hass.devices[item.device_id];
      if (!device) continue;
      if (!groups.has(device.id)) groups.set(device.id, { device, items: [] });
      groups.get(device.id).items.push(item);
    }
    // What hangs behind a gateway comes first: people look at the battery more often than at the link.
    const sorted = [...groups.values()].sort(
      (a, b) =>
        Number(!a.device.via_device_id) - Number(!b.device.via_device_id) ||
        deviceName(a.device).localeCompare(deviceName(b.device), undefined, { numeric: true }),
    );
    const values = mine.filter((item) => domainOf(item) === "sensor" && !item.entity_category);
    const roots = new Map();
    for (const item of values) {
      const root = rootOf(hass, item.device_id);
      if (!root) continue;
      if (!roots.has(root.id)) roots.set(root.id, { root, values: [] });
      roots.get(root.id).values.push(item);
    }
    const installations = [...roots.values()];
    const sections = [
      ...installations.flatMap(({ root, values: own }) => overviewSection(hass, text, root, own, installations.length === 1)),
      ...sorted.map(({ device, items }) => deviceSection(hass, text, device, items)),
      ...historySection(hass, text, values),
    ];
    return {
      title: "Local Solar",
      views: [{ title: "Local Solar", path: "solar", icon: "mdi:solar-power-variant", type: "sections", max_columns: 4, sections }],
    };
  }
}

// Home Assistant's frontend replaces the element registry when it starts; what is defined before that is lost.
customElements.whenDefined("home-assistant").then(() => {
  if (!customElements.get("ll-strategy-dashboard-local-solar")) {
    customElements.define("ll-strategy-dashboard-local-solar", LocalSolarDashboard);
  }
});

window.customStrategies = window.customStrategies || [];
window.customStrategies.push({
  type: "local-solar",
  strategyType: "dashboard",
  name: "Local Solar",
  description: "Every inverter, battery and meter of Local Solar, with graphs and settings.",
});
