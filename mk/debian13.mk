# A second time with the libraries and servers of Debian 13, in a folder of its own: scripts/debian13.sh.
# One Kafka is enough there: what differs is the client library.
DEBIAN13_SERVERS := kafka3 rabbitmq redis redis-cluster redis-sentinel registry

.PHONY: check-debian13
check-debian13: ## as root: build and test everything again in a Debian 13 folder
	@scripts/deps.sh debian13 jars
	@scripts/debian13.sh sh -c 'scripts/deps.sh build fast servers && \
	  $(TEST_MAKE) -j2 WERROR=1 all && \
	  exec $(TEST_MAKE) -j2 WERROR=1 run-check SERVERS="$(DEBIAN13_SERVERS)" ONLY="$(ONLY)"'
