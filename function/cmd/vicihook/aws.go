package main

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
)

// Outputs of template.yaml.
const (
	functionNameOutput = "FunctionName"
	logGroupOutput     = "FunctionLogGroup"
)

// aws loads the settings of AWS's own tools: environment, profiles, roles.
func (env *environment) aws() (aws.Config, error) {
	settings, err := awsconfig.LoadDefaultConfig(env.ctx)
	if err != nil {
		err = fmt.Errorf("AWS settings: %w", err)
	}
	return settings, err
}

// stackOutput returns an output of a CloudFormation stack.
func (env *environment) stackOutput(settings aws.Config, stack, output string) (string, error) {
	described, err := cloudformation.NewFromConfig(settings).DescribeStacks(env.ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if _, answered := errors.AsType[smithy.APIError](err); answered {
		return "", failed("--stack: %w", err)
	}
	if err != nil {
		return "", noAnswer("--stack: %w", err)
	}
	for _, found := range described.Stacks {
		for _, o := range found.Outputs {
			if aws.ToString(o.OutputKey) == output && aws.ToString(o.OutputValue) != "" {
				return *o.OutputValue, nil
			}
		}
	}
	return "", failed("--stack: %s has no output %s: it is no stack of vicihook's template, or its first deployment has not finished", stack, output)
}
