/*
 * Counts what a scenario expects of the trace: how often which phone traced an
 * event or entered a state. Judged when the run has ended (emulator/report/).
 */
#include "emulator/record/record_internal.h"

static bool expected_at(const struct record *record, const struct plan_expect_trace *wanted, uint32_t phone,
			uint8_t file, uint64_t now_us)
{
	uint64_t since_us = record->first_reset_us == PFS_TIME_NEVER ? 0 : now_us - record->first_reset_us;

	return (wanted->phone < 0 || (uint32_t)wanted->phone == phone) &&
	       (wanted->file < 0 || wanted->file == file) && since_us >= wanted->from_us &&
	       since_us < wanted->until_us;
}

void record_count_expected(struct record *record, uint32_t phone, uint64_t now_us,
			   const struct pfs_trace *trace)
{
	const struct plan_expect *expect = &record->plan->expect;

	for (uint32_t i = 0; i < expect->trace_count; i++) {
		const struct plan_expect_trace *wanted = &expect->traces[i];
		bool met = wanted->event == trace->kind &&
			   (wanted->peer < 0 || wanted->peer == trace->address) &&
			   (wanted->reason < 0 || wanted->reason == plan_trace_reason(trace)) &&
			   expected_at(record, wanted, phone, trace->file, now_us);
		record->result.traced[i] += met;
	}
}

void record_state(struct record *record, uint32_t phone, uint64_t now_us, uint8_t state, uint8_t file)
{
	const struct plan_expect *expect = &record->plan->expect;

	for (uint32_t i = 0; i < expect->trace_count; i++)
		record->result.traced[i] += expect->traces[i].event == PFS_TR_KINDS &&
					    expect->traces[i].state == state &&
					    expected_at(record, &expect->traces[i], phone, file, now_us);
}
