package infra_test

import (
	"reflect"
	"strings"
	"testing"
)

// redelivery are the resources that only OwnRedelivery creates.
var redelivery = []string{"RedeliveryQueue", "RedeliveryFailures", "RedeliveryEvents", "RedeliveryFailedAlarm"}

func TestRedeliveryIsOffByDefault(t *testing.T) {
	off := deployed(t, "../template.yaml", "vicihook", nil)
	for name, resource := range off.Resources {
		if ours := strings.HasPrefix(name, "Redelivery"); ours != (at(resource)["Condition"] == "RedeliversItself") {
			t.Errorf("%s is made under the condition %v", name, at(resource)["Condition"])
		}
	}
	for _, name := range redelivery {
		if off.Resources[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	if off.resolve(off.Conditions["RedeliversItself"]) != false {
		t.Error("the queue is made by default")
	}
	if url := at(off.resolve(at(off.properties("VicihookFunction"), "Environment", "Variables")))["REDELIVERY_QUEUE_URL"]; url != "" {
		t.Errorf("the function is given the queue %v", url)
	}
	if off.policyOf("FunctionRole").allows(t, call{"sqs:SendMessage", "<RedeliveryQueue.Arn>", nil}) {
		t.Error("the function may write to a queue that is not there")
	}
}

func TestRedeliveryQueuesAreEncryptedAndDeadLettersRaiseAnAlarm(t *testing.T) {
	on := deployed(t, "../template.yaml", "vicihook", map[string]string{"OwnRedelivery": "true"})
	if url := at(on.resolve(at(on.properties("VicihookFunction"), "Environment", "Variables")))["REDELIVERY_QUEUE_URL"]; url != "<RedeliveryQueue>" {
		t.Errorf("the function is given the queue %v", url)
	}
	for _, action := range []string{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
		if !on.policyOf("FunctionRole").allows(t, call{action, "<RedeliveryQueue.Arn>", nil}) {
			t.Errorf("the function may not %s", action)
		}
	}
	keyed := deployed(t, "../template.yaml", "vicihook", map[string]string{"OwnRedelivery": "true", "KmsKeyArn": arn("kms", "key/1")})
	for _, queue := range []string{"RedeliveryQueue", "RedeliveryFailures"} {
		if own := at(on.resolve(on.properties(queue)))["SqsManagedSseEnabled"]; own != "true" {
			t.Errorf("%s is encrypted: %v", queue, own)
		}
		if key := at(keyed.resolve(keyed.properties(queue)))["KmsMasterKeyId"]; key != arn("kms", "key/1") {
			t.Errorf("%s is encrypted by the key %v", queue, key)
		}
	}
	redrive := at(on.resolve(on.properties("RedeliveryQueue")["RedrivePolicy"]))
	if want := (object{"deadLetterTargetArn": "<RedeliveryFailures.Arn>", "maxReceiveCount": "1"}); !reflect.DeepEqual(redrive, want) {
		t.Errorf("the redrive policy is %v", redrive)
	}
	events := at(on.resolve(on.properties("RedeliveryEvents")))
	if !reflect.DeepEqual(events["FunctionResponseTypes"], []any{"ReportBatchItemFailures"}) || events["FunctionName"] != "<VicihookFunction.Alias>" {
		t.Errorf("the queue's events are %v", events)
	}
	if visible, timeout := number(t, on.properties("RedeliveryQueue")["VisibilityTimeout"]), number(t, function(t)["Timeout"]); visible < timeout {
		t.Errorf("a message comes back after %v s while the function may have %v", visible, timeout)
	}
}
