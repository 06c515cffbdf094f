enum PageAssets {
    static let style = """
        :root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --line: #d8dee6; --filled: #2f6fb5; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #14181f; --line: #38404c; --filled: #6aa5e8; } }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1100px;
               margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
        .summary { font-size: 1.1rem; } .missing { border: 1px solid var(--line); padding: 1rem; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
        figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: .75rem; height: 20rem; }
        .wide { overflow-x: auto; } table { border-collapse: collapse; } th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: left; }
        .number { text-align: right; font-variant-numeric: tabular-nums; }
        .map { width: 100%; } .map rect { fill: var(--filled); } .map text { font: 11px system-ui, sans-serif; fill: var(--ink); }
        .good { color: #2e8b57; } .bad { color: #c2405a; font-weight: 600; }
        footer { margin: 2rem 0; color: #7a8594; overflow-wrap: anywhere; }
        """

    /// Makes a Chart.js plot of each entry of `charts`. Version 3 and later of Chart.js.
    static let drawing = """
        const colours = ['#2f6fb5', '#d9772b', '#3a9a5b', '#9a4fb0', '#c2405a', '#6b7480'];
        const dark = matchMedia('(prefers-color-scheme: dark)').matches;
        Chart.defaults.color = dark ? '#e4e8ee' : '#1c2430';
        Chart.defaults.borderColor = dark ? '#38404c' : '#d8dee6';
        charts.forEach((chart, number) => {
          const bar = chart.kind === 'bar';
          const datasets = chart.series.map((series, index) => ({
            label: series.name,
            data: bar ? series.points.map(point => point.y) : series.points,
            backgroundColor: colours[(series.colour ?? index) % colours.length],
            borderColor: colours[(series.colour ?? index) % colours.length],
            showLine: chart.kind === 'line' && series.style !== 'points',
            pointRadius: series.style === 'markedLine' ? 3 : series.style === 'points' ? 6 : 0, borderWidth: 2,
            pointStyle: chart.kind === 'line' && series.style === 'line' ? 'line' : 'circle',
          }));
          const axis = text => ({ title: { display: text !== '', text }, beginAtZero: true });
          const nines = { ...axis(chart.xTitle), type: 'logarithmic', beginAtZero: false, ticks: { autoSkip: false, maxRotation: 0, callback: x => x === 2 || Number.isInteger(Math.log10(x)) ? String(Number((100 - 100 / x).toFixed(4))) : '' } };
          new Chart(document.getElementById('chart-' + number), {
            type: bar ? 'bar' : 'scatter',
            data: bar ? { labels: chart.labels, datasets } : { datasets },
            options: {
              maintainAspectRatio: false, animation: false, interaction: { mode: 'nearest', intersect: false },
              plugins: { title: { display: true, text: chart.title }, legend: { display: chart.series.length > 1, labels: { usePointStyle: !bar } } },
              scales: { x: bar ? { title: { display: chart.xTitle !== '', text: chart.xTitle } } : chart.isOfPercentiles ? nines : axis(chart.xTitle), y: axis(chart.yTitle) },
            },
          });
        });
        """
}
