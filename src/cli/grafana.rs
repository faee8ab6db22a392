//! The dashboard of `tussock print grafana`: four rows of panels for the metrics in Prometheus.

use serde_json::{Value, json};

/// Columns of Grafana's grid.
const COLUMNS: usize = 24;
/// Height of a panel in grid rows.
const HEIGHT: usize = 7;

/// One panel: title, Grafana's unit, and queries with their legends.
type Panel = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The rows with their panels.
const ROWS: [(&str, &[Panel]); 4] = [
    (
        "Chain",
        &[
            (
                "Height",
                "none",
                &[("tussock_chain_height", "{{instance}}"), ("tussock_chain_headers_height", "{{instance}} headers")],
            ),
            ("Age of the tip", "s", &[("time() - tussock_chain_tip_timestamp_seconds", "{{instance}}")]),
            ("Reorganisations", "none", &[("increase(tussock_chain_reorganisations_total[1h])", "{{instance}}")]),
        ],
    ),
    (
        "Network",
        &[
            ("Peers", "none", &[("tussock_peers", "{{instance}} {{direction}}")]),
            ("Bytes on the links", "bytes", &[("tussock_links_bytes", "{{instance}} {{direction}}")]),
            ("Faults of peers", "none", &[("increase(tussock_peer_faults_total[5m])", "{{instance}}")]),
        ],
    ),
    (
        "Node",
        &[
            ("State", "none", &[("tussock_node_state == 1", "{{instance}} {{state}}")]),
            ("Mempool", "bytes", &[("tussock_mempool_bytes", "{{instance}}")]),
            ("Blocks applied", "ops", &[("rate(tussock_blocks_applied_total[1m])", "{{instance}}")]),
        ],
    ),
    (
        "Process",
        &[
            ("Memory", "bytes", &[("process_resident_memory_bytes", "{{instance}}")]),
            ("CPU", "percentunit", &[("rate(process_cpu_seconds_total[1m])", "{{instance}}")]),
            (
                "Database",
                "bytes",
                &[("tussock_db_size_bytes", "{{instance}}"), ("tussock_db_wal_size_bytes", "{{instance}} log")],
            ),
        ],
    ),
];

/// The dashboard, for Grafana's import.
pub fn dashboard() -> Value {
    let mut panels = Vec::new();
    for (row, (title, list)) in ROWS.into_iter().enumerate() {
        let y = row * (HEIGHT + 1);
        let place = json!({ "x": 0, "y": y, "w": COLUMNS, "h": 1 });
        panels.push(json!({ "type": "row", "title": title, "gridPos": place, "collapsed": false, "panels": [] }));
        let width = COLUMNS / list.len();
        for (column, panel) in list.iter().enumerate() {
            panels.push(graph(panel, json!({ "x": column * width, "y": y + 1, "w": width, "h": HEIGHT })));
        }
    }
    for (id, panel) in panels.iter_mut().enumerate() {
        panel["id"] = json!(id + 1);
    }
    json!({
        "title": "tussock", "uid": "tussock", "schemaVersion": 39, "refresh": "10s", "editable": true,
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [{ "name": "source", "type": "datasource", "query": "prometheus" }] },
        "panels": panels,
    })
}

fn graph((title, unit, queries): &Panel, place: Value) -> Value {
    let source = json!({ "type": "prometheus", "uid": "${source}" });
    let names = ('A'..='Z').map(String::from);
    let targets: Vec<Value> = queries
        .iter()
        .zip(names)
        .map(|((query, legend), name)| json!({ "refId": name, "expr": query, "legendFormat": legend, "datasource": source }))
        .collect();
    json!({
        "type": "timeseries", "title": title, "datasource": source, "gridPos": place, "targets": targets,
        "fieldConfig": { "defaults": { "unit": unit }, "overrides": [] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_stay_in_the_grid_and_have_unique_ids() {
        let dashboard = dashboard();
        let panels = dashboard["panels"].as_array().unwrap();
        assert_eq!(panels.len(), 4 + ROWS.iter().map(|(_, list)| list.len()).sum::<usize>());
        let ids: std::collections::BTreeSet<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
        assert_eq!(ids.len(), panels.len());
        assert!(panels.iter().all(|panel| panel["gridPos"]["x"].as_u64().unwrap() < COLUMNS as u64));
    }
}
