#!/bin/bash
echo agent 2
