//go:build unix

package main

const (
	megabyte  = 1e6
	ratioUnit = "µs" // of the one row whose budget is a ratio
)

// table makes the rows of all that was measured, with their budgets.
func (m measurements) table() table {
	var t table
	t = append(t, m.startRows()...)
	t = append(t, m.warmRows()...)
	t = append(t, m.sizeRows()...)
	t = append(t, m.memoryRows()...)
	return append(t, m.countRows()...)
}

// beside is a row whose floor was measured in turns with it.
func beside(what, unit string, digits int, ours, floor sample) row {
	return row{what: what, unit: unit, digits: digits, ours: ours, floor: floor, over: ours.minus(floor)}
}

func alone(what, unit string, digits int, values ...float64) row {
	return row{what: what, unit: unit, digits: digits, ours: values}
}

func (m measurements) startRows() []row {
	early, late := start{ours, before}, start{ours, after}
	least, twoPosts := start{empty, atOnce}, start{posts, atOnce}
	return []row{
		beside("start to first `/next`; floor: an empty Lambda", "ms", 2, m.cold.asked[late], m.cold.asked[least]).
			under(limit{most: 2, ofOver: true}),
		beside("start to first answer, secrets there before the webhook; floor: two POSTs", "ms", 2,
			m.cold.answered[early], m.cold.answered[twoPosts]),
		beside("start to first answer, secrets coming after the webhook; floor: two POSTs and one secret", "ms", 2,
			m.cold.answered[late], m.cold.answered[twoPosts].plus(m.secret)).under(limit{most: 5, ofOver: true}),
		beside("CPU time of a start with its first webhook; floor: two POSTs", "ms", 2, m.cold.cpu[late], m.cold.cpu[twoPosts]),
	}
}

func (m measurements) warmRows() []row {
	verify := m.benchmark["BenchmarkVerify/standard-webhooks/65536"].nanoseconds
	bare := m.benchmark["BenchmarkBareHMAC/sha256/65536"].nanoseconds
	thousandth := func(ns float64) float64 { return ns / 1000 }
	return []row{
		{what: "an event answered 200 by an empty Lambda", unit: "ms", digits: 3, floor: m.warm.wall[empty]},
		{what: "VICIdial's two requests, from a program that runs", unit: "ms", digits: 3, floor: m.warm.direct},
		beside("warm webhook; floor: two POSTs", "ms", 3, m.warm.wall[ours], m.warm.wall[posts]),
		beside("warm webhook, CPU time; floor: two POSTs", "ms", 3, m.warm.cpu[ours], m.warm.cpu[posts]).
			under(limit{most: 0.25, ofOver: true}),
		row{
			what: "verifying 64 KiB with one key; floor: bare crypto/hmac; over: their ratio", unit: ratioUnit, digits: 2,
			ours: verify.each(thousandth), floor: bare.each(thousandth), over: verify.over(bare),
		}.under(limit{most: 1.1, ofOver: true}),
	}
}

func (m measurements) sizeRows() (rows []row) {
	for _, arch := range architectures {
		mine, least := m.size[arch][ours], m.size[arch][empty]
		rows = append(rows,
			beside("bootstrap, "+arch+"; floor: an empty Lambda", "MB", 2, sample{float64(mine.bootstrap) / megabyte}, sample{float64(least.bootstrap) / megabyte}),
			beside("zip, "+arch+"; floor: an empty Lambda", "MB", 2, sample{float64(mine.zip) / megabyte}, sample{float64(least.zip) / megabyte}).
				under(limit{most: 4.5, strict: true}))
	}
	return rows
}

func (m measurements) memoryRows() (rows []row) {
	mine, least := m.endurance.resident[ours], m.endurance.resident[empty]
	for i, name := range []string{"1 webhook", "1,000 webhooks", "10,000 webhooks"} {
		n := webhookCounts[i]
		rows = append(rows, beside("resident memory after "+name+"; floor: an empty Lambda", "MB", 1,
			sample{mine[n] / megabyte}, sample{least[n] / megabyte}).under(limit{most: 32, strict: true}))
	}
	grown := (mine[webhookCounts[2]] - mine[webhookCounts[1]]) / megabyte
	return append(rows, alone("its growth from 1,000 to 10,000 webhooks", "MB", 1, grown).under(limit{most: 2, strict: true}))
}

func (m measurements) countRows() []row {
	webhook := m.benchmark["BenchmarkWebhook/1024"]
	return []row{
		alone("memory allocated for a webhook of 1 KiB", "KB", 1, webhook.bytes.each(func(b float64) float64 { return b / 1000 })...),
		alone("allocations for a webhook of 1 KiB", "", 0, webhook.allocations...),
		alone("secret versions fetched by a start: keys and account", "", 2, m.fetches).under(limit{most: secretCalls, strict: true}),
		alone("requests to VICIdial for a webhook", "", 2, m.endurance.requests).under(limit{most: 2, strict: true}),
		alone("connections to VICIdial for 10,000 webhooks in a row", "", 0, m.endurance.connections).
			under(limit{most: 5, strict: true}), // one, and now and then another when the machine stalls in between,
	}
}
