package models

import (
	"callwise/app/call"
	"callwise/app/rules"
)

// SettingsSchema is the JSON Schema (2020-12) of [Settings.File]. What a schema
// cannot say, such as that working hours end after they begin, only
// [Settings.ReadFile] checks.
func SettingsSchema() map[string]any {
	return object(node{
		"$schema":  node{"type": "string"},
		"version":  node{"const": SettingsFileVersion},
		"settings": settingsSchema(),
	}, node{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Settings of Callwise",
		"description": "A setting that is left out stays as it is.", "required": []string{"version", "settings"},
	})
}

type node = map[string]any

func settingsSchema() node {
	return object(node{
		"dry_run": boolean, "create_entities": boolean, "outgoing_calls": boolean, "repeated_leads": boolean,
		"repeat_in_bitrix24": oneOf(rules.RepeatOn, rules.RepeatOff, rules.RepeatUnknown),
		"builtin_lines":      boolean, "other_apps": boolean, "recovery": oneOf(RecoverByItself, RecoverOnClick, RecoverNever),
		"responsible": object(node{
			"created": ownerSchema(OwnerTaker, OwnerCard, OwnerEmployee),
			"missed":  ownerSchema(OwnerTaker, OwnerCard, OwnerLastTalked, OwnerEmployee),
		}),
		"callbacks":  object(node{"duty": users(maxDuty)}),
		"lines":      family("", maxLines, lineSchema()),
		"missed":     missedSchema(),
		"card":       object(node{"when": cardTimes, "employees": family("^[1-9][0-9]*$", maxCards, cardTimes)}),
		"recordings": object(node{"mode": oneOf(RecordingAttach, RecordingLink), "max_mb": between(0, maxRecording)}),
		"exclusions": object(node{
			"numbers":    node{"type": "array", "maxItems": maxExclusions, "items": node{"type": "string", "pattern": exclusionPattern.String()}},
			"extensions": node{"type": "array", "maxItems": maxExclusions, "items": node{"type": "string", "maxLength": maxName}},
		}),
		"extensions":      family("", maxExtensions, node{"type": "integer", "minimum": 1}),
		"default_country": oneOf(append([]string{""}, call.Countries()...)...),
		"mask_numbers":    boolean,
		"alerts":          object(node{"users": users(maxAlerted)}),
	})
}

var (
	boolean   = node{"type": "boolean"}
	cardTimes = oneOf(CardOnRing, CardOnAnswer, CardNever)
)

// users is a list of users' ids.
func users(most int) node {
	return node{"type": "array", "maxItems": most, "items": node{"type": "string", "pattern": "^[1-9][0-9]*$"}}
}

func ownerSchema(choices ...Owner) node {
	return object(node{"who": oneOf(choices...), "employee": node{"type": "integer", "minimum": 0}, "fallback": node{"type": "integer", "minimum": 0}},
		node{
			"if":   node{"properties": node{"who": node{"const": OwnerEmployee}}, "required": []string{"who"}},
			"then": node{"properties": node{"employee": node{"minimum": 1}}},
		})
}

func lineSchema() node {
	override := oneOf(Inherited, OverrideOn, OverrideOff)
	return object(node{
		"name":            node{"type": "string", "maxLength": maxName},
		"source":          node{"type": "string", "pattern": sourcePattern.String()},
		"create_entities": override, "outgoing_calls": override, "repeated_leads": override,
		"responsible": node{"type": "integer", "minimum": 0},
	})
}

func missedSchema() node {
	clock := node{"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
	return object(node{
		"todo": boolean, "deadline": between(1, maxDeadline), "working_hours": boolean,
		"days": node{"type": "array", "items": oneOf("1", "2", "3", "4", "5", "6", "7")},
		"from": clock, "to": clock,
	}, node{
		"if":   node{"properties": node{"working_hours": node{"const": true}}, "required": []string{"working_hours"}},
		"then": node{"properties": node{"days": node{"minItems": 1}}},
	})
}

func object(properties node, more ...node) node {
	s := node{"type": "object", "properties": properties, "additionalProperties": false}
	for _, m := range more {
		for name, value := range m {
			s[name] = value
		}
	}
	return s
}

// family is an object whose names are numbers of lines, users or extensions.
func family(names string, most int, value node) node {
	s := node{"type": "object", "maxProperties": most, "additionalProperties": value}
	s["propertyNames"] = node{"minLength": 1, "maxLength": maxName}
	if names != "" {
		s["propertyNames"] = node{"pattern": names}
	}
	return s
}

func oneOf[T ~string](choices ...T) node {
	all := make([]any, len(choices))
	for i, c := range choices {
		all[i] = string(c)
	}
	return node{"enum": all}
}

func between(least, most int) node {
	return node{"type": "integer", "minimum": least, "maximum": most}
}
