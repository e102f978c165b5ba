/*
 * What a scenario may not say: each wrong input with the exact line that the
 * user sees (DESIGN: file, path, value and what was expected). A scenario is
 * strict, so that a typing error never becomes a quiet default.
 *
 * Texts are written with ' for ", which no text here needs otherwise.
 */
#include <string.h>

#include "tests/tap.h"
#include "tests/unit/scenario_text.h"

struct bad_case {
	const char *what, *text, *line;
};

static const struct bad_case cases[] = {
	{"empty file",
	 "",
	 "t.json: line 1, column 1: not JSON here or just before: a comma, bracket or quote is mis"
	 "sing or too many"},
	{"not an object",
	 "[]",
	 "t.json: must be an object, { ... }"},
	{"a comma too many",
	 "{\n'seed':1,\n}",
	 "t.json: line 3, column 2: not JSON here or just before: a comma, bracket or quote is mis"
	 "sing or too many"},
	{"line and column behind comments",
	 "// one\n/* two\nthree */ {'seed': @}",
	 "t.json: line 3, column 19: not JSON here or just before: a comma, bracket or quote is mi"
	 "ssing or too many"},
	{"comment without end",
	 "{ /* 'seed':1 }",
	 "t.json: line 1, column 3: a comment without its end, */"},
	{"string without end",
	 "{'name':'abc",
	 "t.json: line 1, column 9: a string without its closing quote"},
	{"line feed in a string",
	 "{'name':'a\nb'}",
	 "t.json: line 1, column 11: a string without its closing quote"},
	{"control character in a string",
	 "{'name':'a\tb'}",
	 "t.json: line 1, column 11: a control character in a string, write it as \\u00XX"},
	{"a name that would draw over the terminal",
	 "{'\xff\x9b\x7f':1}",
	 "t.json: ['\\xff\\x9b\\x7f']: 1: unknown field, known here: $schema, name, description, seed, "
	 "speed, scale, time_limit, sites, lan, enterprise, profiles, bulk, log_server, server, tftp, firmware, models, "
	 "reset, what_if, expect, gates, faults"},
	{"NUL escape in a string",
	 "{'name':'a\\u0000b'}",
	 "t.json: line 1, column 11: \\u0000 in a string"},
	{"leading zero",
	 "{'seed':01}",
	 "t.json: line 1, column 9: not a number of JSON"},
	{"number without digits behind the point",
	 "{'seed':1.}",
	 "t.json: line 1, column 9: not a number of JSON"},
	{"text behind the end",
	 "{} {}",
	 "t.json: line 1, column 4: not JSON here or just before: a comma, bracket or quote is mis"
	 "sing or too many"},
	{"duplicate at the top",
	 WITH("'seed':1,'seed':2"),
	 "t.json: seed: 2: given twice, leave one"},
	{"duplicate deep inside",
	 SITES("{'name':'a','wan':{'rate':'1mbit','rate':'2mbit','rtt':'10ms'}," SUBNETS "}"),
	 "t.json: sites[0].wan.rate: '2mbit': given twice, leave one"},
	{"unknown field at the top",
	 WITH("'sed':1"),
	 "t.json: sed: 1: unknown field, known here: $schema, name, description, seed, speed, scal"
	 "e, time_limit, sites, lan, enterprise, profiles, bulk, log_server, server, tftp, firmwar"
	 "e, models, reset, what_if, expect, gates, faults"},
	{"unknown field inside",
	 WAN("'rate':'1mbit','rtt':'10ms','rat':'1mbit'"),
	 "t.json: sites[0].wan.rat: '1mbit': unknown field, known here: rate, rtt, delay, jitter, "
	 "loss, queue, down, up"},
	{"a field's name in other capitals",
	 WITH("'Seed':1"),
	 "t.json: Seed: 1: unknown field, known here: $schema, name, description, seed, speed, sca"
	 "le, time_limit, sites, lan, enterprise, profiles, bulk, log_server, server, tftp, firmwa"
	 "re, models, reset, what_if, expect, gates, faults"},
	{"a key with odd characters",
	 WITH("'a b':1"),
	 "t.json: ['a b']: 1: unknown field, known here: $schema, name, description, seed, speed, "
	 "scale, time_limit, sites, lan, enterprise, profiles, bulk, log_server, server, tftp, fir"
	 "mware, models, reset, what_if, expect, gates, faults"},
	{"gates as a list",
	 WITH("'gates':[]"),
	 "t.json: gates: []: must be an object of objects, { '...': { ... } }"},
	{"a gate of an unknown part",
	 WITH("'gates':{'wan.bytes_down':{'max':'1MB'}}"),
	 "t.json: gates['wan.bytes_down']: {'max':'1MB'}: no such figure in the summary, known here: "
	 "pfs, traditional, comparison, fidelity, setup, full_size"},
	{"a gate of an unknown figure",
	 WITH("'gates':{'pfs.wan.bytes':{'max':'1MB'}}"),
	 "t.json: gates['pfs.wan.bytes']: {'max':'1MB'}: no such figure in the summary, known here: "
	 "wan.bytes_down, wan.bytes_up, wan.frames_lost, wan.queue_drops, wan.busy_fraction"},
	{"a gate of a part alone",
	 WITH("'gates':{'traditional.completion_s':{'max':'1h'}}"),
	 "t.json: gates['traditional.completion_s']: {'max':'1h'}: no such figure in the summary, known here: "
	 "interrupted, phones, upgraded, failed, unfinished, gone, ineligible, duration_s, wan..., tftp..., "
	 "peer..., hierarchies_total, completion_s..., faults_total, trace_records, hierarchies..., "
	 "ineligible_by_reason..., failures_by_reason..."},
	{"a gate of an unknown reason",
	 WITH("'gates':{'pfs.tftp.direct_by_reason.bored':{'max':0}}"),
	 "t.json: gates['pfs.tftp.direct_by_reason.bored']: {'max':0}: no such figure in the summary, known here: "
	 "none, port-closed, peers-exhausted"},
	{"a gate of an item that is no number",
	 WITH("'gates':{'pfs.hierarchies[one].depth':{'max':3}}"),
	 "t.json: gates['pfs.hierarchies[one].depth']: {'max':3}: no such figure in the summary, known here: "
	 "hierarchies.FIGURE, hierarchies[N].FIGURE with N from 0"},
	{"a gate of hierarchies that are not there",
	 WITH("'gates':{'traditional.hierarchies.depth':{'max':3}}"),
	 "t.json: gates['traditional.hierarchies.depth']: {'max':3}: the traditional way has no hierarchies, "
	 "use pfs.hierarchies"},
	{"a gate without a limit",
	 WITH("'gates':{'pfs.failed':{}}"),
	 "t.json: gates['pfs.failed']: {}: limits nothing, give max, min or equal"},
	{"a gate with an unknown relation",
	 WITH("'gates':{'pfs.failed':{'below':1}}"),
	 "t.json: gates['pfs.failed'].below: 1: unknown field, known here: max, min, equal"},
	{"a gate that says both",
	 WITH("'gates':{'pfs.failed':{'equal':1,'max':2}}"),
	 "t.json: gates['pfs.failed'].equal: 1: give equal, or max and min, not both"},
	{"a gate that nothing passes",
	 WITH("'gates':{'pfs.failed':{'min':3,'max':2}}"),
	 "t.json: gates['pfs.failed'].max: 2: is below min"},
	{"a gate of bytes without unit",
	 WITH("'gates':{'pfs.wan.bytes_down':{'max':26000000}}"),
	 "t.json: gates['pfs.wan.bytes_down'].max: 26000000: must be a size in quotes, such as '26MB'"},
	{"a gate of bytes with a time's unit",
	 WITH("'gates':{'pfs.wan.bytes_down':{'max':'26s'}}"),
	 "t.json: gates['pfs.wan.bytes_down'].max: '26s': unknown unit, use B, kB, KiB, MB or MiB"},
	{"a gate of a time as a number",
	 WITH("'gates':{'pfs.duration_s':{'max':90}}"),
	 "t.json: gates['pfs.duration_s'].max: 90: must be a duration in quotes, such as '90s'"},
	{"a gate of a count in quotes",
	 WITH("'gates':{'pfs.tftp.transfers':{'equal':'12'}}"),
	 "t.json: gates['pfs.tftp.transfers'].equal: '12': must be a whole number"},
	{"a gate of half a phone",
	 WITH("'gates':{'pfs.failed':{'max':0.5}}"),
	 "t.json: gates['pfs.failed'].max: 0.5: must be a whole number, 0 or more"},
	{"a gate of a ratio with a unit",
	 WITH("'gates':{'comparison.duration_ratio':{'max':'1s'}}"),
	 "t.json: gates['comparison.duration_ratio'].max: '1s': unknown unit, use %"},
	{"a gate that puts names in order",
	 WITH("'gates':{'pfs.hierarchies[0].root':{'max':'SEP021B54000001'}}"),
	 "t.json: gates['pfs.hierarchies[0].root'].max: 'SEP021B54000001': there is no order in this figure, "
	 "use equal"},
	{"a gate that is given twice",
	 WITH("'gates':{'pfs.failed':{'max':0},'pfs.failed':{'max':1}}"),
	 "t.json: gates['pfs.failed']: {'max':1}: given twice, leave one"},
	{"no sites",
	 "{}",
	 "t.json: sites: missing: required here"},
	{"empty sites",
	 SITES(""),
	 "t.json: sites: []: must not be empty"},
	{"sites is no list",
	 "{'sites':{}}",
	 "t.json: sites: {}: must be a list, [ { ... } ]"},
	{"site is no object",
	 SITES("7"),
	 "t.json: sites[0]: 7: must be an object, { ... }"},
	{"site without name",
	 SITES("{'wan':{}}"),
	 "t.json: sites[0].name: missing: required here"},
	{"site without wan",
	 SITES("{'name':'a'}"),
	 "t.json: sites[0].wan: missing: required here"},
	{"name with a path",
	 WITH("'name':'../a'"),
	 "t.json: name: '../a': may hold letters, digits, spaces and . _ - and begins with a lette"
	 "r, a digit or _"},
	{"name too long",
	 WITH("'name':'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee'"),
	 "t.json: name: 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee': must be a string of "
	 "1 to 47 characters"},
	{"name is a number",
	 WITH("'name':7"),
	 "t.json: name: 7: must be a string"},
	{"negative seed",
	 WITH("'seed':-1"),
	 "t.json: seed: -1: must be a whole number, 0 to 9007199254740991, or in quotes, to 184467"
	 "44073709551614"},
	{"broken seed",
	 WITH("'seed':1.5"),
	 "t.json: seed: 1.5: must be a whole number, 0 to 9007199254740991, or in quotes, to 18446"
	 "744073709551614"},
	{"seed past 2^53 as a number",
	 WITH("'seed':1e300"),
	 "t.json: seed: 1e+300: must be a whole number, 0 to 9007199254740991, or in quotes, to 18"
	 "446744073709551614"},
	{"seed that a double rounds",
	 WITH("'seed':9007199254740993"),
	 "t.json: seed: 9.00719925474099e+15: too large to be kept as a number, write the seed in quotes, "
	 "to 18446744073709551614"},
	{"seed past 64 bits",
	 WITH("'seed':'99999999999999999999'"),
	 "t.json: seed: '99999999999999999999': must be a whole number, 0 to 9007199254740991, or "
	 "in quotes, to 18446744073709551614"},
	{"speed zero",
	 WITH("'speed':0"),
	 "t.json: speed: 0: out of range, use 0.01 to 1000"},
	{"speed as a string",
	 WITH("'speed':'2'"),
	 "t.json: speed: '2': must be a number, such as 2 or 0.5"},
	{"speed finer than a thousandth",
	 WITH("'speed':1.0001"),
	 "t.json: speed: 1.0001: must be a number of thousandths, such as 2 or 0.5"},
	{"scale as a number",
	 WITH("'scale':0.03"),
	 "t.json: scale: 0.03: must be a fraction in quotes, such as '1/30', or '1'"},
	{"scale above one",
	 WITH("'scale':'2/1'"),
	 "t.json: scale: '2/1': must be above 0 and at most 1, such as '1/30'"},
	{"scale of nothing",
	 WITH("'scale':'1/0'"),
	 "t.json: scale: '1/0': must be above 0 and at most 1, such as '1/30'"},
	{"time limit of zero",
	 WITH("'time_limit':'0s'"),
	 "t.json: time_limit: '0s': out of range, use 1s to 720h"},
	{"unknown unit of a rate",
	 WAN("'rate':'1.5mb','rtt':'10ms'"),
	 "t.json: sites[0].wan.rate: '1.5mb': unknown unit, use bit, kbit, mbit or gbit"},
	{"rate without unit",
	 WAN("'rate':'1500','rtt':'10ms'"),
	 "t.json: sites[0].wan.rate: '1500': lacks its unit, use bit, kbit, mbit or gbit"},
	{"rate as a number",
	 WAN("'rate':1500,'rtt':'10ms'"),
	 "t.json: sites[0].wan.rate: 1500: must be a rate in quotes, such as '1.536mbit', or 'unli"
	 "mited'"},
	{"rate of zero",
	 WAN("'rate':'0mbit','rtt':'10ms'"),
	 "t.json: sites[0].wan.rate: '0mbit': out of range, use 1kbit to 100gbit"},
	{"rate past 64 bits",
	 WAN("'rate':'100000000000gbit','rtt':'10ms'"),
	 "t.json: sites[0].wan.rate: '100000000000gbit': too large"},
	{"rate missing",
	 WAN("'rtt':'10ms'"),
	 "t.json: sites[0].wan.rate: missing: a rate such as '1.536mbit' or 'unlimited'"},
	{"delay missing",
	 WAN("'rate':'1mbit'"),
	 "t.json: sites[0].wan.rtt: missing: a round trip such as '30ms', or delay, one way"},
	{"rtt and delay",
	 WAN("'rate':'1mbit','rtt':'10ms','delay':'5ms'"),
	 "t.json: sites[0].wan.delay: '5ms': give rtt or delay, not both; delay is one way"},
	{"duration without quotes",
	 WAN("'rate':'1mbit','rtt':10"),
	 "t.json: sites[0].wan.rtt: 10: must be a duration in quotes, such as '250ms', '10s' or '2"
	 "h'"},
	{"duration too fine",
	 WAN("'rate':'1mbit','rtt':'0.0005ms'"),
	 "t.json: sites[0].wan.rtt: '0.0005ms': too fine, the smallest step is 1us"},
	{"duration of an unknown unit",
	 WAN("'rate':'1mbit','rtt':'10 ms'"),
	 "t.json: sites[0].wan.rtt: '10 ms': must be a duration in quotes, such as '250ms', '10s' "
	 "or '2h'"},
	{"duration out of range",
	 WAN("'rate':'1mbit','rtt':'1h'"),
	 "t.json: sites[0].wan.rtt: '1h': out of range, use 0us to 20s"},
	{"loss above everything",
	 WAN("'rate':'1mbit','rtt':'10ms','loss':'101%'"),
	 "t.json: sites[0].wan.loss: '101%': out of range, use 0% to 100%"},
	{"loss without percent",
	 WAN("'rate':'1mbit','rtt':'10ms','loss':'1'"),
	 "t.json: sites[0].wan.loss: '1': lacks its unit, use %"},
	{"queue of an unknown unit",
	 WAN("'rate':'1mbit','rtt':'10ms','queue':'64kb'"),
	 "t.json: sites[0].wan.queue: '64kb': unknown unit, use B, kB, KiB, MB or MiB"},
	{"rate of zero of one direction",
	 WAN("'rate':'1mbit','rtt':'10ms','up':{'rate':'0bit'}"),
	 "t.json: sites[0].wan.up.rate: '0bit': out of range, use 1kbit to 100gbit"},
	{"network with host bits",
	 SUBNET("'name':'s','network':'10.1.1.5/24','phones':[{'model':'7961'}]"),
	 "t.json: sites[0].subnets[0].network: '10.1.1.5/24': has host bits set, give the address "
	 "of the network itself"},
	{"network of five parts",
	 SUBNET("'name':'s','network':'10.1.1.0.0/24','phones':[{'model':'7961'}]"),
	 "t.json: sites[0].subnets[0].network: '10.1.1.0.0/24': must be an IPv4 network in quotes,"
	 " such as '10.1.1.0/24'"},
	{"network with too long a prefix",
	 SUBNET("'name':'s','network':'10.1.1.0/31','phones':[{'model':'7961'}]"),
	 "t.json: sites[0].subnets[0].network: '10.1.1.0/31': prefix length out of range, use /8 t"
	 "o /30"},
	{"loopback network",
	 SUBNET("'name':'s','network':'127.0.0.0/24','phones':[{'model':'7961'}]"),
	 "t.json: sites[0].subnets[0].network: '127.0.0.0/24': is not a network for hosts, use one"
	 " of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"},
	{"network of the WAN",
	 SUBNET("'name':'s','network':'10.255.4.0/24','phones':[{'model':'7961'}]"),
	 "t.json: sites[0].subnets[0].network: '10.255.4.0/24': overlaps 10.255.0.0/16, which the "
	 "WAN and headquarters use"},
	{"overlapping subnets",
	 SUBNET("'name':'s','network':'10.1.1.0/24','phones':[{'model':'7961'}]},{'name':'t','network':'10.1.0.0/16','phones':[{'model':'7961'}]"),
	 "t.json: sites[0].subnets[1].network: '10.1.0.0/16': overlaps subnet 's' of site 'a', 10."
	 "1.1.0/24"},
	{"a subnet inside another",
	 SUBNET("'name':'s','network':'10.1.0.0/16','phones':[{'model':'7961'}]},{'name':'t','network':'10.1.5.0/24','phones':[{'model':'7961'}]"),
	 "t.json: sites[0].subnets[1].network: '10.1.5.0/24': overlaps subnet 's' of site 'a', 10."
	 "1.0.0/16"},
	{"two subnets of a name",
	 SUBNET("'name':'s','network':'10.1.1.0/24','phones':[{'model':'7961'}]},{'name':'s','network':'10.1.2.0/24','phones':[{'model':'7961'}]"),
	 "t.json: sites[0].subnets[1].name: 's': another subnet of this site has this name"},
	{"two sites of a name",
	 SITES(SITE_A ",{'name':'a','wan':{'rate':'1mbit','rtt':'10ms'},'subnets':[{'name':'s','network':'10.1.2.0/24','phones':[{'model':'7961'}]}]}"),
	 "t.json: sites[1].name: 'a': another site has this name"},
	{"unknown broadcast",
	 SUBNET("'name':'s','network':'10.1.1.0/24','broadcast':'all','phones':[{'model':'7961'}]"),
	 "t.json: sites[0].subnets[0].broadcast: 'all': must be 'directed' or 'limited'"},
	{"subnet without phones",
	 SUBNET("'name':'s','network':'10.1.1.0/24','phones':[]"),
	 "t.json: sites[0].subnets[0].phones: []: must not be empty"},
	{"unknown model",
	 PHONES("{'model':'7945'}"),
	 "t.json: sites[0].subnets[0].phones[0].model: '7945': unknown model, known are CP-7906G, "
	 "CP-7911G, CP-7931G, CP-7941G, CP-7941G-GE, CP-7961G, CP-7961G-GE, CP-7970G, CP-7971G-GE,"
	 " CP-7940G, CP-7960G"},
	{"count of zero",
	 PHONES("{'model':'7961','count':0}"),
	 "t.json: sites[0].subnets[0].phones[0].count: 0: out of range, use 1 to 4000000"},
	{"count beyond the subnet",
	 PHONES("{'model':'7961','count':200},{'model':'7941','count':54}"),
	 "t.json: sites[0].subnets[0].phones[1].count: 54: 254 phones in a subnet with room for 25"
	 "3"},
	{"count is a string",
	 PHONES("{'model':'7961','count':'4'}"),
	 "t.json: sites[0].subnets[0].phones[0].count: '4': must be a whole number, 1 to 4000000"},
	{"PFS on a model without it (CSCso40251)",
	 PHONES("{'model':'7960','pfs':'enabled'}"),
	 "t.json: sites[0].subnets[0].phones[0].pfs: 'enabled': CP-7960G has no such setting, leav"
	 "e it out"},
	{"PFS off on a model without it (CSCso40251)",
	 PHONES("{'model':'7940','pfs':'disabled'}"),
	 "t.json: sites[0].subnets[0].phones[0].pfs: 'disabled': CP-7940G has no such setting, lea"
	 "ve it out"},
	{"setting of a wrong word",
	 PHONES("{'model':'7961','pfs':'on'}"),
	 "t.json: sites[0].subnets[0].phones[0].pfs: 'on': must be 'unset', 'disabled' or 'enabled"
	 "'"},
	{"setting as a flag",
	 PHONES("{'model':'7961','pfs':true}"),
	 "t.json: sites[0].subnets[0].phones[0].pfs: true: must be 'unset', 'disabled' or 'enabled"
	 "'"},
	{"unknown profile",
	 PHONES("{'model':'7961','profile':'lobby'}"),
	 "t.json: sites[0].subnets[0].phones[0].profile: 'lobby': no profile has this name"},
	{"not a version",
	 PHONES("{'model':'7961','running':'nine'}"),
	 "t.json: sites[0].subnets[0].phones[0].running: 'nine': must be a firmware version such a"
	 "s '8.5(2)' or '9.4(2)SR1-1'"},
	{"unknown firmware",
	 PHONES("{'model':'7961','firmware':'SCCP99'}"),
	 "t.json: sites[0].subnets[0].phones[0].firmware: 'SCCP99': unknown firmware, use SCCP11.9"
	 "-4-2SR3-1, SCCP31.9-2-1, SCCP41.9-4-2SR3-1, SCCP70.9-4-2SR3-1, SCCP41.9-4-2SR1-1, SCCP70"
	 ".8-3-3, SCCP11.8-3-3SR2, P0030801SR02, or folder:PATH"},
	{"firmware folder that is not there",
	 PHONES("{'model':'7961','firmware':'folder:/nonexistent'}"),
	 "t.json: sites[0].subnets[0].phones[0].firmware: 'folder:/nonexistent': the folder cannot"
	 " be opened: No such file or directory"},
	{"firmware folder without a path",
	 PHONES("{'model':'7961','firmware':'folder:'}"),
	 "t.json: sites[0].subnets[0].phones[0].firmware: 'folder:': lacks the folder, as folder:P"
	 "ATH"},
	{"two profiles of a name",
	 WITH("'profiles':[{'name':'p','pfs':'enabled'},{'name':'p','pfs':'unset'}]"),
	 "t.json: profiles[1].name: 'p': another profile has this name"},
	{"profile without setting",
	 WITH("'profiles':[{'name':'p'}]"),
	 "t.json: profiles[0].pfs: missing: required here"},
	{"profile that sets PFS on a model without it",
	 TOP("{'model':'7960','profile':'p'}", "'profiles':[{'name':'p','pfs':'enabled'}]"),
	 "t.json: sites[0].subnets[0].phones[0].profile: 'p': this profile sets pfs, and CP-7960G "
	 "has no such setting"},
	{"bulk that sets nothing",
	 WITH("'bulk':[{'model':'7961'}]"),
	 "t.json: bulk[0]: {'model':'7961'}: sets nothing, give pfs or profile"},
	{"bulk that reaches nobody (CSCsh98792)",
	 WITH("'bulk':[{'model':'7970','pfs':'enabled'}]"),
	 "t.json: bulk[0]: {'model':'7970','pfs':'enabled'}: reaches no phone"},
	{"bulk over a model without PFS (CSCso40251)",
	 TOP("{'model':'7961'},{'model':'7960'}", "'bulk':[{'site':'a','pfs':'enabled'}]"),
	 "t.json: bulk[0]: {'site':'a','pfs':'enabled'}: names SEP021B54000002, and CP-7960G has n"
	 "o PFS setting; name models that have it"},
	{"bulk on an unknown site",
	 WITH("'bulk':[{'site':'z','pfs':'enabled'}]"),
	 "t.json: bulk[0].site: 'z': no site has this name"},
	{"bulk on an unknown subnet",
	 WITH("'bulk':[{'site':'a','subnet':'z','pfs':'enabled'}]"),
	 "t.json: bulk[0].subnet: 'z': no subnet of that site has this name"},
	{"enterprise of an unknown field",
	 WITH("'enterprise':{'PFS':'enabled'}"),
	 "t.json: enterprise.PFS: 'enabled': unknown field, known here: pfs"},
	{"model that is known already",
	 WITH("'models':[{'name':'CP-7961G','firmware':'SCCP31.9-2-1'}]"),
	 "t.json: models[0].name: 'CP-7961G': this model is known already, as CP-7961G"},
	{"model that is known already, by its short name",
	 WITH("'models':[{'name':'7961','firmware':'SCCP31.9-2-1'}]"),
	 "t.json: models[0].name: '7961': this model is known already, as CP-7961G"},
	{"model of unknown firmware",
	 WITH("'models':[{'name':'CP-7942G','firmware':'x'}]"),
	 "t.json: models[0].firmware: 'x': unknown firmware, use SCCP11.9-4-2SR3-1, SCCP31.9-2-1, "
	 "SCCP41.9-4-2SR3-1, SCCP70.9-4-2SR3-1, SCCP41.9-4-2SR1-1, SCCP70.8-3-3, SCCP11.8-3-3SR2, "
	 "P0030801SR02, or folder:PATH"},
	{"model with a port rate of zero",
	 WITH("'models':[{'name':'CP-7942G','firmware':'SCCP31.9-2-1','port_rate':'0gbit'}]"),
	 "t.json: models[0].port_rate: '0gbit': out of range, use 1kbit to 100gbit"},
	{"firmware for a model twice",
	 WITH("'firmware':[{'models':['7961','CP-7961G'],'set':'SCCP41.9-4-2SR1-1'}]"),
	 "t.json: firmware[0].models[1]: 'CP-7961G': firmware has this model twice"},
	{"firmware for no model",
	 WITH("'firmware':[{'models':[],'set':'SCCP41.9-4-2SR1-1'}]"),
	 "t.json: firmware[0].models: []: must not be empty"},
	{"scale on a folder",
	 WITH("'scale':'1/2','firmware':[{'models':['7961'],'set':'folder:x'}]"),
	 "t.json: firmware[0].set: 'folder:x': files of a folder are served whole, leave scale out"
	 " or '1'"},
	{"unknown server",
	 WITH("'server':'atftpd'"),
	 "t.json: server: 'atftpd': must be 'embedded', 'in.tftpd' or 'dnsmasq'"},
	{"server as a number",
	 WITH("'server':69"),
	 "t.json: server: 69: must be an object, { ... }"},
	{"serving limit of zero",
	 WITH("'server':{'serving_limit':0}"),
	 "t.json: server.serving_limit: 0: out of range, use 1 to 60000"},
	{"headquarters in a subnet",
	 WITH("'server':{'address':'10.1.1.77'}"),
	 "t.json: server.address: '10.1.1.77': is in subnet 's', headquarters is not"},
	{"headquarters in a transfer network",
	 WITH("'server':{'address':'10.255.0.1'}"),
	 "t.json: server.address: '10.255.0.1': is in 10.255.0.0/16, of which 10.255.255.1 to 10.2"
	 "55.255.254 are for headquarters"},
	{"headquarters on loopback",
	 WITH("'server':{'address':'127.0.0.1'}"),
	 "t.json: server.address: '127.0.0.1': is not an address of a host"},
	{"not an address",
	 WITH("'server':{'address':'hq'}"),
	 "t.json: server.address: 'hq': must be an IPv4 address in quotes, such as '10.255.255.1'"},
	{"block size of RFC 2348 too small",
	 WITH("'tftp':{'blksize':7}"),
	 "t.json: tftp.blksize: 7: out of range, use 8 to 65464"},
	{"TFTP time-out of part of a second",
	 WITH("'tftp':{'timeout':'1500ms'}"),
	 "t.json: tftp.timeout: '1500ms': must be whole seconds, '0s' (not asked for) to '255s'"},
	{"flag as a number",
	 WITH("'tftp':{'tsize':1}"),
	 "t.json: tftp.tsize: 1: must be true or false"},
	{"log server without port (F14)",
	 WITH("'log_server':'10.9.9.9@@base=0-7;pfs=0-1'"),
	 "t.json: log_server: '10.9.9.9@@base=0-7;pfs=0-1': must be address:port@@base=LEVELS;pfs="
	 "LEVELS, as '10.255.255.1:5140@@base=0-7;pfs=0-1'"},
	{"log server of an unknown level (F14)",
	 WITH("'log_server':'10.9.9.9:514@@base=0-8;pfs=0-1'"),
	 "t.json: log_server: '10.9.9.9:514@@base=0-8;pfs=0-1': must be address:port@@base=LEVELS;"
	 "pfs=LEVELS, as '10.255.255.1:5140@@base=0-7;pfs=0-1'"},
	{"log server of port 65536 (F14)",
	 WITH("'log_server':'10.9.9.9:65536@@base=0-7;pfs=0-1'"),
	 "t.json: log_server: '10.9.9.9:65536@@base=0-7;pfs=0-1': must be address:port@@base=LEVEL"
	 "S;pfs=LEVELS, as '10.255.255.1:5140@@base=0-7;pfs=0-1'"},
	{"unknown reset pattern",
	 WITH("'reset':{'pattern':'rolling'}"),
	 "t.json: reset.pattern: 'rolling': must be 'mass' or 'staggered'"},
	{"staggered without window",
	 WITH("'reset':{'pattern':'staggered'}"),
	 "t.json: reset.window: missing: a duration such as '1h' over which the phones are reset"},
	{"staggered with spread",
	 WITH("'reset':{'pattern':'staggered','spread':'1s'}"),
	 "t.json: reset.spread: '1s': goes with pattern 'mass'; 'staggered' has a window"},
	{"a what-if that there is not",
	 WITH("'what_if':{'fanout':3}"),
	 "t.json: what_if.fanout: 3: unknown field, known here: fan_out, waits, forward_early"},
	{"waits that are too short",
	 WITH("'what_if':{'waits':'9%'}"),
	 "t.json: what_if.waits: '9%': out of range, use 10% to 100%"},
	{"waits in parts of a percent",
	 WITH("'what_if':{'waits':'12.5%'}"),
	 "t.json: what_if.waits: '12.5%': must be whole percents, '10%' to '100%'"},
	{"waits too short for the LAN",
	 WITH("'lan':{'delay':'6ms'},'what_if':{'waits':'10%'}"),
	 "t.json: what_if.waits: '10%': leaves a claim 10000 us until others join: lan.delay may be half of that at most"},
	{"a knob that is neither on nor off",
	 WITH("'what_if':{'forward_early':1}"),
	 "t.json: what_if.forward_early: 1: must be true or false"},
	{"a fan-out of none",
	 WITH("'what_if':{'fan_out':0}"),
	 "t.json: what_if.fan_out: 0: out of range, use 1 to 4"},
	{"a fan-out above what a phone has places for",
	 WITH("'what_if':{'fan_out':5}"),
	 "t.json: what_if.fan_out: 5: out of range, use 1 to 4"},
	{"a chain longer than a tree may be deep",
	 TOP("{'model':'7961','count':21}", "'enterprise':{'pfs':'enabled'},'what_if':{'fan_out':1}"),
	 "t.json: what_if.fan_out: 1: makes chains, which have at most 20 phones; subnet 's' has more of CP-7961G"},
	{"mass with window",
	 WITH("'reset':{'window':'1s'}"),
	 "t.json: reset.window: '1s': goes with pattern 'staggered'; 'mass' has a spread"},
	{"window past the time limit",
	 WITH("'time_limit':'1h','reset':{'pattern':'staggered','window':'2h'}"),
	 "t.json: reset.window: '2h': is longer than the time limit"},
	{"more upgraded than there are",
	 WITH("'expect':{'upgraded_min':5}"),
	 "t.json: expect.upgraded_min: 5: the fleet has 4 phones"},
	{"an expectation that cannot hold",
	 WITH("'expect':{'refused_other_subnet_min':1}"),
	 "t.json: expect.refused_other_subnet_min: 1: no claim is heard in another subnet: that ta"
	 "kes two subnets on one switch, broadcast 'limited'"},
	{"unknown fault",
	 WITH("'faults':[{'kind':'explode','at':'1s'}]"),
	 "t.json: faults[0].kind: 'explode': must be 'kill', 'unplug', 'crash', 'wan_cut', 'wan_de"
	 "grade', 'wan_flap', 'server_stop', 'damage_tftp', 'damage_tcp', 'lan_disturb', 'lan_split', 'slow_po"
	 "rts', 'server_busy', 'server_silent', 'server_size', 'tcp_reset', 'tcp_half_open', 'slow"
	 "_storage', 'clock_drift', 'hostile_root', 'hostile_flood', 'hostile_garbage', 'hostile_l"
	 "iar' or 'lan_lose'"},
	{"a measure of a kind that loses",
	 WITH("'faults':[{'kind':'lan_split','at':'1s','skip':1}]"),
	 "t.json: faults[0].skip: 1: goes with kind 'lan_lose' only"},
	{"a loss to oneself",
	 WITH("'faults':[{'kind':'lan_lose','at':'1s','from':'SEP021B54000001','to':'SEP021B54000001'}]"),
	 "t.json: faults[0].to: 'SEP021B54000001': nothing is lost from a phone to itself"},
	{"a loss of nobody's",
	 WITH("'faults':[{'kind':'lan_lose','at':'1s','from':'SEP021B540000FF'}]"),
	 "t.json: faults[0].from: 'SEP021B540000FF': no phone has this name, they are SEP021B54000"
	 "001 to SEP021B54000004"},
	{"a state that is none",
	 WITH("'faults':[{'kind':'kill','state':'asleep'}]"),
	 "t.json: faults[0].state: 'asleep': must be 'off', 'opening', 'held_up', 'listening', 'cl"
	 "aiming', 'following', 'joining', 'member', 'receiving', 'orphaned', 'root_waiting', 'tft"
	 "p', 'tftp_waiting', 'verifying', 'lingering', 'rebooted' or 'failed'"},
	{"a state in another phase",
	 WITH("'faults':[{'kind':'kill','phase':'tftp','state':'tftp'}]"),
	 "t.json: faults[0].state: 'tftp': goes with phase 'state' only"},
	{"a state that is not named",
	 WITH("'faults':[{'kind':'kill','phase':'state'}]"),
	 "t.json: faults[0].state: missing: phase 'state' needs it"},
	{"an event that is not named",
	 WITH("'faults':[{'kind':'kill','phase':'event'}]"),
	 "t.json: faults[0].event: missing: phase 'event' needs it"},
	{"an event at a time",
	 WITH("'faults':[{'kind':'kill','phase':'time','at':'1s','event':'claim'}]"),
	 "t.json: faults[0].event: 'claim': goes with phase 'event' only"},
	{"the second of what happens once",
	 WITH("'faults':[{'kind':'kill','phase':'tftp','nth':2}]"),
	 "t.json: faults[0].nth: 2: goes with phase 'claiming', 'root_waiting', 'state' or 'event'"
	 " only"},
	{"after a time",
	 WITH("'faults':[{'kind':'kill','at':'1s','after':'1s'}]"),
	 "t.json: faults[0].after: '1s': goes with a phase, a time says when itself"},
	{"damage after the bytes",
	 WITH("'faults':[{'kind':'damage_tcp','after':'1s'}]"),
	 "t.json: faults[0].after: '1s': damage falls on the bytes of its phase"},
	{"by whom, in a phase that says it",
	 WITH("'faults':[{'kind':'kill','phase':'tftp','by':'SEP021B54000001','phone':'SEP021B54000002'}]"),
	 "t.json: faults[0].by: 'SEP021B54000001': goes with phase 'state' or 'event' only"},
	{"by whom, for nobody",
	 WITH("'faults':[{'kind':'kill','event':'claim','by':'SEP021B54000001'}]"),
	 "t.json: faults[0].by: 'SEP021B54000001': reaches the point for another: name that one as"
	 " phone"},
	{"an event expected that does not say how often",
	 WITH("'expect':{'trace':[{'event':'claim'}]}"),
	 "t.json: expect.trace[0].count: missing: how often: count, or min, max or both"},
	{"nothing expected so often",
	 WITH("'expect':{'trace':[{'count':1}]}"),
	 "t.json: expect.trace[0].event: missing: of what: event, or state"},
	{"an event and a state",
	 WITH("'expect':{'trace':[{'event':'claim','state':'claiming','count':1}]}"),
	 "t.json: expect.trace[0].state: 'claiming': give event or state, not both"},
	{"a state with somebody",
	 WITH("'expect':{'trace':[{'state':'claiming','peer':'SEP021B54000001','count':1}]}"),
	 "t.json: expect.trace[0].peer: 'SEP021B54000001': goes with event, a state names nobody"},
	{"an event expected both ways",
	 WITH("'expect':{'trace':[{'event':'claim','count':1,'max':2}]}"),
	 "t.json: expect.trace[0].count: 1: give count or min and max, not both"},
	{"fewer than the least",
	 WITH("'expect':{'trace':[{'event':'claim','min':3,'max':2}]}"),
	 "t.json: expect.trace[0].max: 2: is below min"},
	{"an event expected in no time",
	 WITH("'expect':{'trace':[{'event':'claim','count':1,'from':'2s','until':'2s'}]}"),
	 "t.json: expect.trace[0].until: '2s': is not after from"},
	{"a reason of another event",
	 WITH("'expect':{'trace':[{'event':'refused','reason':'silent','count':1}]}"),
	 "t.json: expect.trace[0].reason: 'silent': is no reason of this event, they are busy, str"
	 "anger, cycle, deep"},
	{"a reason where there is none",
	 WITH("'expect':{'trace':[{'event':'claim','reason':'busy','count':1}]}"),
	 "t.json: expect.trace[0].reason: 'busy': there are no reasons for it"},
	{"a peer that is nobody",
	 WITH("'expect':{'trace':[{'event':'yielded','peer':'SEP021B540000FF','count':1}]}"),
	 "t.json: expect.trace[0].peer: 'SEP021B540000FF': no phone has this name, they are SEP021"
	 "B54000001 to SEP021B54000004"},
	{"a hierarchy of which nothing is expected",
	 WITH("'expect':{'hierarchies':[{'file':'jar'}]}"),
	 "t.json: expect.hierarchies[0]: {'file':'jar'}: expects nothing, give root, roots_confirm"
	 "ed, wan_copies, members or depth_max"},
	{"a root of another word",
	 WITH("'expect':{'hierarchies':[{'root':'SEP'}]}"),
	 "t.json: expect.hierarchies[0].root: 'SEP': must be a string of 15 to 15 characters"},
	{"a measure of another kind",
	 WITH("'faults':[{'kind':'kill','at':'1s','groups':3}]"),
	 "t.json: faults[0].groups: 3: goes with kind 'lan_split' only"},
	{"a LAN disturbed by nothing",
	 WITH("'faults':[{'kind':'lan_disturb','at':'1s','lan':{'hold':'1ms'}}]"),
	 "t.json: faults[0].lan: {'hold':'1ms'}: disturbs nothing, give loss, duplicate, reorder o"
	 "r delay"},
	{"a LAN disturbed nobody knows how",
	 WITH("'faults':[{'kind':'lan_disturb','at':'1s'}]"),
	 "t.json: faults[0].lan: missing: what becomes of datagrams"},
	{"slow ports without how slow",
	 WITH("'faults':[{'kind':'slow_ports','at':'1s'}]"),
	 "t.json: faults[0].hold: missing: how long a port forwards nothing after link-up"},
	{"a wrong length that is the right one",
	 WITH("'faults':[{'kind':'server_size','at':'1s','served':'100%'}]"),
	 "t.json: faults[0].served: '100%': is the true length"},
	{"a busy server of one site",
	 WITH("'faults':[{'kind':'server_busy','at':'1s','site':'a'}]"),
	 "t.json: faults[0].site: 'a': there is one server for all sites, leave it out"},
	{"a reset of a phone without a parent",
	 WITH("'faults':[{'kind':'tcp_reset','at':'1s'}]"),
	 "t.json: faults[0].at: '1s': a phone surely has a parent in phase 'receiving' or 'root_wa"
	 "iting'"},
	{"a reset of a root",
	 WITH("'faults':[{'kind':'tcp_reset','phase':'root_waiting','role':'root'}]"),
	 "t.json: faults[0].role: 'root': a root has no parent, use 'parent' or 'leaf'"},
	{"a reset of whoever waits",
	 WITH("'faults':[{'kind':'tcp_reset','phase':'root_waiting'}]"),
	 "t.json: faults[0].role: missing: whose parent: 'parent' or 'leaf' in root_waiting"},
	{"a reset that lasts",
	 WITH("'faults':[{'kind':'tcp_reset','duration':'1s'}]"),
	 "t.json: faults[0].duration: '1s': a reset is done once, it does not last"},
	{"a reset in a traditional run",
	 WITH("'faults':[{'kind':'tcp_half_open','traditional':true}]"),
	 "t.json: faults[0].traditional: true: a traditional run has no such phase, role or transf"
	 "er"},
	{"a share of a network",
	 WITH("'faults':[{'kind':'wan_cut','at':'1s','share':'10%'}]"),
	 "t.json: faults[0].share: '10%': goes with faults that befall phones"},
	{"a share of whoever comes first",
	 WITH("'faults':[{'kind':'kill','phase':'tftp','share':'10%'}]"),
	 "t.json: faults[0].share: '10%': goes with at: whoever reaches a phase is one phone"},
	{"a share of the roots",
	 WITH("'faults':[{'kind':'kill','at':'1s','share':'10%','role':'root'}]"),
	 "t.json: faults[0].role: 'root': a share is drawn from all phones, use site, subnet and "
	 "model to narrow it"},
	{"a share of one phone",
	 WITH("'faults':[{'kind':'kill','at':'1s','share':'10%','phone':'SEP021B54000001'}]"),
	 "t.json: faults[0].phone: 'SEP021B54000001': a share is drawn from all phones, use site, "
	 "subnet and model to narrow it"},
	{"a share of nothing",
	 WITH("'faults':[{'kind':'kill','at':'1s','share':'0%'}]"),
	 "t.json: faults[0].share: '0%': out of range, use 0.0001% to 100%"},
	{"shares of more than all",
	 WITH("'faults':[{'kind':'kill','at':'1s','share':'60%'},{'kind':'crash','at':'1s','share':'60%'}]"),
	 "t.json: faults[1].share: '60%': means 3 phones, and shares before it leave 1 of 4"},
	{"a window without a beginning",
	 WITH("'faults':[{'kind':'kill','phase':'tftp','window':'10s'}]"),
	 "t.json: faults[0].window: '10s': goes with at: it strikes within this time from then"},
	{"a window past the end",
	 WITH("'time_limit':'1m','faults':[{'kind':'kill','at':'1s','window':'60s'}]"),
	 "t.json: faults[0].window: '60s': ends past the time limit"},
	{"a longest time without a shortest",
	 WITH("'faults':[{'kind':'kill','at':'1s','duration_max':'10s'}]"),
	 "t.json: faults[0].duration: missing: the least that it lasts, duration_max is the most"},
	{"a longest time below the shortest",
	 WITH("'faults':[{'kind':'kill','at':'1s','duration':'10s','duration_max':'9s'}]"),
	 "t.json: faults[0].duration_max: '9s': is below duration"},
	{"storage of no rate",
	 WITH("'faults':[{'kind':'slow_storage','at':'1s'}]"),
	 "t.json: faults[0].rate: missing: how fast it writes and verifies"},
	{"storage that is not slow",
	 WITH("'faults':[{'kind':'slow_storage','at':'1s','rate':'unlimited'}]"),
	 "t.json: faults[0].rate: 'unlimited': is not slow"},
	{"a clock that drifts nowhere",
	 WITH("'faults':[{'kind':'clock_drift','at':'1s'}]"),
	 "t.json: faults[0].fast: missing: how much the clock gains: fast, or slow"},
	{"a clock that drifts both ways",
	 WITH("'faults':[{'kind':'clock_drift','at':'1s','fast':'1%','slow':'1%'}]"),
	 "t.json: faults[0].slow: '1%': give fast or slow, not both"},
	{"fault at no time",
	 WITH("'faults':[{'kind':'kill'}]"),
	 "t.json: faults[0].at: missing: when it strikes: at, a duration, or phase, state or"
	 " event"},
	{"fault at a time in a phase",
	 WITH("'faults':[{'kind':'kill','phase':'tftp','at':'1s'}]"),
	 "t.json: faults[0].at: '1s': goes with phase 'time' only"},
	{"percent of a time",
	 WITH("'faults':[{'kind':'kill','at':'1s','percent':5}]"),
	 "t.json: faults[0].percent: 5: goes with phase 'tftp' or 'receiving' only"},
	{"percent of a hundred",
	 WITH("'faults':[{'kind':'kill','phase':'tftp','percent':100}]"),
	 "t.json: faults[0].percent: 100: out of range, use 0 to 99"},
	{"fault past the time limit",
	 WITH("'time_limit':'10s','faults':[{'kind':'kill','at':'11s'}]"),
	 "t.json: faults[0].at: '11s': is past the time limit"},
	{"fault on an unknown phone",
	 WITH("'faults':[{'kind':'kill','at':'1s','phone':'SEP021B54000009'}]"),
	 "t.json: faults[0].phone: 'SEP021B54000009': no phone has this name, they are SEP021B5400"
	 "0001 to SEP021B54000004"},
	{"fault on a role and a phone",
	 WITH("'faults':[{'kind':'kill','at':'1s','role':'root','phone':'SEP021B54000001'}]"),
	 "t.json: faults[0].role: 'root': give role or phone, not both"},
	{"fault on a model that is not there",
	 WITH("'faults':[{'kind':'kill','at':'1s','model':'7970'}]"),
	 "t.json: faults[0]: {'kind':'kill','at':'1s','model':'7970'}: there is no phone there tha"
	 "t it could hit"},
	{"fault on a file that no set has",
	 WITH("'faults':[{'kind':'kill','phase':'tftp','file':'7'}]"),
	 "t.json: faults[0]: {'kind':'kill','phase':'tftp','file':'7'}: there is no phone there th"
	 "at it could hit"},
	{"a site's server",
	 WITH("'faults':[{'kind':'server_stop','at':'1s','site':'a'}]"),
	 "t.json: faults[0].site: 'a': there is one server for all sites, leave it out"},
	{"damage that lasts",
	 WITH("'faults':[{'kind':'damage_tftp','duration':'1s'}]"),
	 "t.json: faults[0].duration: '1s': damage is done once, it does not last"},
	{"damage on TCP in TFTP",
	 WITH("'faults':[{'kind':'damage_tcp','phase':'tftp'}]"),
	 "t.json: faults[0].phase: 'tftp': damage on TCP is done in phase 'receiving'"},
	{"degraded to what",
	 WITH("'faults':[{'kind':'wan_degrade','at':'1s'}]"),
	 "t.json: faults[0].wan: missing: what the WAN is like meanwhile"},
	{"cut with a WAN",
	 WITH("'faults':[{'kind':'wan_cut','at':'1s','wan':{'loss':'5%'}}]"),
	 "t.json: faults[0].wan: {'loss':'5%'}: goes with kind 'wan_degrade' only"},
	{"degraded to a rate of zero",
	 WITH("'faults':[{'kind':'wan_degrade','at':'1s','wan':{'rate':'0bit'}}]"),
	 "t.json: faults[0].wan.rate: '0bit': out of range, use 1kbit to 100gbit"},
	{"a phase that a traditional run lacks",
	 WITH("'faults':[{'kind':'kill','phase':'serving','traditional':true}]"),
	 "t.json: faults[0].traditional: true: a traditional run has no such phase, role or transf"
	 "er"},
};
#define CASE_COUNT (sizeof(cases) / sizeof(*cases))

/* Small files: what a case is about comes before them. A case about the scale or a folder goes without. */
static const struct scenario_overrides small = { .scale_ppm = 1000 };

START_TEST(bad_input_has_its_line)
{
	const struct bad_case *one = &cases[_i];
	const struct scenario_overrides *overrides =
		strstr(one->text, "'scale'") || strstr(one->text, "folder:") ? NULL : &small;
	struct scenario_error error;
	struct plan *plan;
	char text[2048], line[1024];

	scenario_quotes(one->text, text, sizeof(text));
	scenario_quotes(one->line, line, sizeof(line));
	int r = scenario_load_text("t.json", text, strlen(text), overrides, &plan, &error);
	ck_assert_msg(r < 0, "%s: was taken", one->what);
	ck_assert_ptr_null(plan);
	ck_assert_msg(strcmp(error.line, line) == 0, "%s:\n is: %s\nnot: %s", one->what, error.line, line);
}
END_TEST

/* The frames that the cases are put into are good ones: no case fails for the frame's sake. */
START_TEST(frames_are_good)
{
	static const char *const good[] = {
		WITH("'seed':1"), WAN("'rate':'1mbit','rtt':'10ms'"), PHONES("{'model':'7961'}"),
		TOP("{'model':'7961'},{'model':'7960'}", "'profiles':[{'name':'p','pfs':'enabled'}]"),
	};
	plan_free(scenario_good(good[_i], &small));
}
END_TEST

START_TEST(file_that_cannot_be_read)
{
	struct scenario_error error;
	struct plan *plan;

	ck_assert_int_lt(scenario_load("/nonexistent/x.json", NULL, &plan, &error), 0);
	ck_assert_str_eq(error.line, "/nonexistent/x.json: cannot be read: No such file or directory");
	ck_assert_int_lt(scenario_load("/", NULL, &plan, &error), 0);
	ck_assert_str_eq(error.line, "/: cannot be read: Is a directory");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scenario-errors");
	TCase *tcase = tcase_create("errors");

	_Static_assert(CASE_COUNT >= 60, "the table is the promise of a strict loader");
	tcase_add_loop_test(tcase, bad_input_has_its_line, 0, (int)CASE_COUNT);
	tcase_add_loop_test(tcase, frames_are_good, 0, 4);
	tcase_add_test(tcase, file_that_cannot_be_read);
	suite_add_tcase(suite, tcase);
	return tap_run(suite);
}
