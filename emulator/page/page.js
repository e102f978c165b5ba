/*
 * Draws the trees of a report when they are opened, and finds a phone. The data
 * is the run's detail.json, which stands in the page; its columns are those of
 * docs/report.md. Text goes in as text, never as markup.
 */
"use strict";
(() => {
	const SERVER = -1, NOBODY = -2;
	const WHY = {
		"port-closed": "its peer port could not be opened",
		"peers-exhausted": "election after election brought no file",
		"disabled": "peer firmware sharing is disabled",
		"model": "its model cannot share",
		"old-firmware": "its firmware is too old to share",
		"traditional": "it is upgraded in the traditional way",
	};
	const FOUND_MAX = 12;      /* phones offered for a part of a name */
	const OPEN_NODES_MAX = 60; /* a larger tree is folded below its third level */

	const loaded = new Map();

	function element(name, attributes, ...children) {
		const made = document.createElement(name);

		for (const [key, value] of Object.entries(attributes || {}))
			made.setAttribute(key, value);
		made.append(...children);
		return made;
	}

	function duration(seconds) {
		if (seconds === null || seconds === undefined)
			return "-";
		const tenths = Math.round(seconds * 10), whole = Math.round(seconds);
		const two = (number) => String(number).padStart(2, "0");

		if (tenths < 600)
			return `${Math.floor(tenths / 10)}.${tenths % 10} s`;
		if (whole < 3600)
			return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
		return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)} h`;
	}

	/* Finer: phones of a tree are milliseconds apart. */
	function moment(seconds) {
		const ms = seconds === null ? 0 : Math.round(seconds * 1000);
		const rest = `${String(Math.floor(ms / 1000) % 60).padStart(ms < 60000 ? 1 : 2, "0")}.${String(ms % 1000).padStart(3, "0")}`;

		if (seconds === null || ms >= 3600000)
			return duration(seconds);
		return ms < 60000 ? `${rest} s` : `${Math.floor(ms / 60000)}:${rest} min`;
	}

	function count(number, word) {
		return `${number.toLocaleString("en-US")} ${word}${number === 1 ? "" : "s"}`;
	}

	/* The file, and its copies by family and file. Read once, when first wanted. */
	function load(id) {
		if (loaded.has(id))
			return loaded.get(id);
		const detail = JSON.parse(document.getElementById(id).textContent);
		const run = detail.runs.find((one) => one.mode === "pfs");
		const families = new Map();

		for (const row of run.copies) {
			const [, subnet, model, firmware, part] = detail.phones[row[0]];

			if (part !== "yes")
				continue;
			const key = `${subnet}/${model}/${firmware}`;
			if (!families.has(key))
				families.set(key, { subnet, model, firmware, files: new Map() });
			const files = families.get(key).files;
			if (!files.has(row[1]))
				files.set(row[1], []);
			files.get(row[1]).push(row);
		}
		const bySite = new Map();
		for (const family of families.values()) {
			const site = detail.subnets[family.subnet][0];

			if (!bySite.has(site))
				bySite.set(site, []);
			bySite.get(site).push(family);
		}
		const data = { detail, run, bySite };
		loaded.set(id, data);
		return data;
	}

	function whenOpened(details, draw) {
		const drawOnce = () => {
			if (!details.open || details.dataset.drawn)
				return;
			details.dataset.drawn = "yes";
			draw(details);
		};

		details.addEventListener("toggle", drawOnce);
		drawOnce();
	}

	function fold(kind, text, draw) {
		const made = element("details", { class: kind }, element("summary", {}, text));

		whenOpened(made, draw);
		return made;
	}

	/* ---- a tree ---- */

	function node(data, row, children) {
		const [phone, , from, level, begun, done, tries, direct] = row;
		const root = from === SERVER && !direct;
		const line = element("span", {},
			element("span", { class: root ? "level root" : "level", title: level ? `level ${level}` : "outside of the tree" },
				level ? String(level) : "-"),
			element("code", {}, data.detail.phones[phone][0]));
		const say = (text, mark) => line.append(" ", mark ? element("span", { class: mark }, text) : text);

		if (root)
			say("root, from the server");
		if (direct)
			say(`from the server: ${WHY[direct] || direct}`, "unsure");
		if (from === NOBODY)
			say("from a stranger", "unsure");
		if (done === null)
			say(`began at ${moment(begun)} and never had it`, "bad");
		else
			say(moment(done), "soft");
		if (tries > 1)
			say(`source number ${tries}`, "unsure");
		if (children)
			say(`feeds ${children}`, "soft");
		return line;
	}

	function treeOf(data, rows) {
		const byPhone = new Map(rows.map((row) => [row[0], row]));
		const children = new Map(), tops = [];
		const end = (row) => row[5] === null ? Infinity : row[5];
		const inOrder = (a, b) => end(a) - end(b) || a[0] - b[0];

		for (const row of rows) {
			if (row[2] < 0 || !byPhone.has(row[2])) {
				tops.push(row);
				continue;
			}
			if (!children.has(row[2]))
				children.set(row[2], []);
			children.get(row[2]).push(row);
		}
		for (const list of children.values())
			list.sort(inOrder);
		tops.sort(inOrder);
		const drawn = new Set();
		const branch = (row, level) => {
			const below = (children.get(row[0]) || []).filter((child) => !drawn.has(child[0]));
			const item = element("li", { "data-phone": data.detail.phones[row[0]][0] }, node(data, row, below.length));

			below.forEach((child) => drawn.add(child[0]));
			if (!below.length)
				return item;
			const list = () => element("ul", {}, ...below.map((child) => branch(child, level + 1)));
			if (rows.length > OPEN_NODES_MAX && level >= 3)
				item.append(fold("branch", count(below.length, "child").replace("childs", "children"),
					(details) => details.append(list())));
			else
				item.append(list());
			return item;
		};
		tops.forEach((row) => drawn.add(row[0]));
		return element("ul", {}, ...tops.map((row) => branch(row, 1)));
	}

	function treeSummary(data, family, file, rows) {
		const name = data.detail.firmware[family.firmware].files[file].name;
		const roots = rows.filter((row) => row[2] === SERVER);
		const depth = rows.reduce((most, row) => Math.max(most, row[3]), 0);
		const last = rows.reduce((latest, row) => row[5] === null ? latest : Math.max(latest, row[5]), 0);
		const without = rows.filter((row) => row[5] === null).length;
		const parts = [`${name}: ${count(rows.length, "phone")}, ${count(depth, "level")}, the last at ${duration(last)}`];

		parts.push(roots.length === 1 ? `root ${data.detail.phones[roots[0][0]][0]}` : `${roots.length} copies from the server`);
		if (without)
			parts.push(`${without} never had it`);
		return parts.join("; ");
	}

	function drawFamily(data, family, details) {
		for (const [file, rows] of [...family.files].sort((a, b) => a[0] - b[0])) {
			const made = fold("tree", treeSummary(data, family, file, rows), (opened) => opened.append(treeOf(data, rows)));

			made.dataset.file = data.detail.firmware[family.firmware].files[file].name;
			details.append(made);
		}
	}

	function drawSite(details) {
		const data = load(details.dataset.detail);
		const families = data.bySite.get(Number(details.dataset.site)) || [];

		if (!families.length)
			details.append(element("p", { class: "soft" }, "No phone here took part."));
		for (const family of families) {
			const phones = Math.max(...[...family.files.values()].map((rows) => rows.length));
			const text = `${data.detail.subnets[family.subnet][1]}, ${data.detail.models[family.model]}: ` +
				`${count(phones, "phone")}, ${count(family.files.size, "tree")}`;
			const made = fold("family", text, (opened) => drawFamily(data, family, opened));

			made.dataset.subnet = data.detail.subnets[family.subnet][1];
			made.dataset.model = data.detail.models[family.model];
			details.append(made);
		}
	}

	/* ---- one phone ---- */

	function chain(data, rows, row) {
		const names = [], seen = new Set();

		for (let at = row; at && !seen.has(at[0]); at = rows.get(at[2])) {
			seen.add(at[0]);
			names.push(data.detail.phones[at[0]][0]);
			if (at[2] < 0)
				names.push(at[2] === SERVER ? "the server" : "a stranger");
		}
		return names.slice(1).join(", from ");
	}

	function tellPhone(data, phone) {
		const [name, subnet, model, firmware, part] = data.detail.phones[phone];
		const own = data.run.phones[phone];
		const box = element("div", {}, element("h3", {}, name));
		const list = element("ul", {});

		box.append(element("p", {}, `${data.detail.models[model]} in ${data.detail.subnets[subnet][1]} of ` +
			`${data.detail.sites[data.detail.subnets[subnet][0]]?.name ?? "another site"}; ` +
			(part === "yes" ? "takes part" : `takes no part: ${WHY[part] || part}`) +
			`; reset at ${duration(own[0])}, ${data.detail.ends[own[2]]} at ${duration(own[1])}.`));
		for (const [file, { name: fileName }] of data.detail.firmware[firmware].files.entries()) {
			const rows = new Map(data.run.copies.filter((row) => row[1] === file &&
				data.detail.phones[row[0]][1] === subnet).map((row) => [row[0], row]));
			const row = rows.get(phone);

			list.append(element("li", {}, row
				? `${fileName}: ${moment(row[5])}${row[3] ? `, level ${row[3]}` : ""}, from ${chain(data, rows, row)}` +
					(row[7] ? ` (${WHY[row[7]] || row[7]})` : "") + (row[6] > 1 ? `, source number ${row[6]}` : "")
				: `${fileName}: never begun`));
		}
		box.append(list);
		for (const [at, who, kind, file, reason, peer] of data.run.incidents || [])
			if (who === phone || peer === phone)
				list.append(element("li", { class: "unsure" }, `${duration(at)}: ${data.detail.phones[who][0]}: ${kind}` +
					`${reason ? `, ${reason}` : ""}${peer >= 0 ? `, ${data.detail.phones[peer][0]}` : ""}` +
					`${file >= 0 ? `, ${data.detail.firmware[data.detail.phones[who][3]].files[file]?.name ?? file}` : ""}`));
		return box;
	}

	function find(box) {
		const input = box.querySelector("input"), found = box.querySelector(".found");

		input.addEventListener("input", () => {
			const wanted = input.value.trim().toUpperCase();

			found.replaceChildren();
			if (!wanted)
				return;
			const data = load(box.dataset.detail);
			const hits = [];
			data.detail.phones.forEach((phone, index) => {
				if (phone[0].toUpperCase().includes(wanted))
					hits.push(index);
			});
			if (hits.length === 1) {
				found.append(tellPhone(data, hits[0]));
				return;
			}
			found.append(element("p", {}, hits.length ? count(hits.length, "phone") : "No phone of that name."));
			for (const hit of hits.slice(0, FOUND_MAX)) {
				const button = element("button", { type: "button" }, data.detail.phones[hit][0]);

				button.addEventListener("click", () => {
					input.value = data.detail.phones[hit][0];
					found.replaceChildren(tellPhone(data, hit));
				});
				found.append(button);
			}
		});
		box.hidden = false;
	}

	document.querySelectorAll("details.site").forEach((details) => whenOpened(details, drawSite));
	document.querySelectorAll(".find").forEach(find);

	/* What is folded away is not printed: tables and plots are opened for paper, trees are left as they are. */
	let opened = [];
	window.addEventListener("beforeprint", () => {
		opened = [...document.querySelectorAll("main > details:not(.site):not([open])")];
		opened.forEach((details) => { details.open = true; });
	});
	window.addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
})();
