/*
 * Dead letters as others write them, with Kafka's own client for Java: the headers of each framework
 * in the bytes that it uses.
 *
 *   java Letters.java known BROKERS TOPIC ORIGIN      one of each dialect, of records of ORIGIN
 *   java Letters.java hostile BROKERS TOPIC ORIGIN    values that are short, too long, negative, null …
 *   java Letters.java many BROKERS TOPIC ORIGIN N     N as Connect writes them, of two partitions, in
 *                                                     transactions of which every third is aborted
 *   java Letters.java join BROKERS TOPIC GROUP        a member that takes what it is given, a line
 *                                                     each, commits, and leaves at the end of its
 *                                                     standard input
 */
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Letters {
	static final byte[] BODY = {'b', 0, (byte)0xff, '\n', (byte)0xc3, (byte)0xa9};
	static final long TS = 1700000000000L;

	static KafkaProducer<byte[], byte[]> producer;
	static String topic, origin;

	static byte[] utf8(String text) {
		return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
	}

	static byte[] int32(int value) {
		return ByteBuffer.allocate(4).putInt(value).array();
	}

	static byte[] int64(long value) {
		return ByteBuffer.allocate(8).putLong(value).array();
	}

	static void add(Headers headers, String prefix, Object... pairs) {
		for (int i = 0; i < pairs.length; i += 2)
			headers.add(prefix + pairs[i], pairs[i + 1] instanceof byte[]
			                                   ? (byte[])pairs[i + 1]
			                                   : utf8((String)pairs[i + 1]));
	}

	/* A record with headers of its own, to which a framework appends. */
	static ProducerRecord<byte[], byte[]> record(String key, int partition) {
		ProducerRecord<byte[], byte[]> r =
		    new ProducerRecord<>(topic, partition, TS, utf8(key), BODY);
		add(r.headers(), "", "trace", "ünder", "twice", "1", "twice", "2", "bytes", BODY, "none",
		    null);
		return r;
	}

	static void connect(Headers h, String from, int partition, long offset, String message) {
		add(h, "__connect.errors.", "topic", from, "partition", "" + partition, "offset",
		    "" + offset, "connector.name", "sink-é", "task.id", "0", "stage", "VALUE_CONVERTER",
		    "class.name", "org.apache.kafka.connect.json.JsonConverter", "exception.class.name",
		    "org.apache.kafka.connect.errors.DataException", "exception.message", message,
		    "exception.stacktrace", "org.apache…\n\tat one\n\tat two\n");
	}

	static void spring(Headers h, String from, int partition, long offset) {
		add(h, "kafka_dlt-", "original-topic", from, "original-partition", int32(partition),
		    "original-offset", int64(offset), "original-timestamp", int64(TS),
		    "original-timestamp-type", "CreateTime", "original-consumer-group", "billing",
		    "exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException",
		    "exception-cause-fqcn", "java.lang.IllegalStateException", "exception-message",
		    "Listener failed; größer", "exception-stacktrace", "a\n\tb\n");
	}

	static void known() {
		ProducerRecord<byte[], byte[]> r = record("connect", 0);
		/* It died before, elsewhere: the last one tells of this death. */
		connect(r.headers(), "elsewhere", 7, 7, "first");
		connect(r.headers(), origin, 2, 9007199254740993L, "last");
		producer.send(r);

		r = record("spring", 1);
		spring(r.headers(), "elsewhere", 7, 7);
		spring(r.headers(), origin, 1, 0x0102030405060708L);
		producer.send(r);

		r = record("spring-retry", 2);
		spring(r.headers(), origin, 0, 4294967296L);
		add(r.headers(), "retry_topic-", "attempts", int32(4), "backoff-timestamp", int64(TS),
		    "original-timestamp", int64(TS));
		producer.send(r);

		r = record("spring-key", 0);
		add(r.headers(), "kafka_dlt-", "original-topic", origin, "original-partition", int32(1),
		    "key-exception-fqcn", "a.KeyException", "key-exception-message", "bad key",
		    "key-exception-stacktrace", "k");
		producer.send(r);

		r = record("streams", 0);
		add(r.headers(), "__streams.errors.", "exception", "java.lang.ArithmeticException",
		    "stacktrace", "s\n", "message", "/ by zero", "topic", origin, "partition", "1",
		    "offset", "12");
		producer.send(r);

		r = record("share", 1);
		add(r.headers(), "__dlq.errors.", "topic", origin, "partition", "2", "offset", "41",
		    "group", "share-1", "delivery.count", "5", "message", "Offset rejected by client.");
		producer.send(r);

		r = record("smallrye", 2);
		add(r.headers(), "dead-letter-", "reason", "no such order", "cause", "not found",
		    "exception-class-name", "a.B", "cause-class-name", "a.C", "topic", origin,
		    "partition", "0", "offset", "3");
		producer.send(r);

		r = record("masstransit", 0);
		add(r.headers(), "MT-", "Reason", "fault", "Fault-ExceptionType",
		    "System.InvalidOperationException", "Fault-Message", "It failed",
		    "Fault-MessageType", "urn:message:Order", "Fault-ConsumerType", "OrderConsumer",
		    "Fault-InputAddress", "rabbitmq://host/vhost/" + origin + "?bind=true",
		    "Fault-Timestamp", "2026-11-01T10:00:00.123Z", "Fault-StackTrace", "at X", "Fault-RetryCount",
		    "3", "Fault-RedeliveryCount", "1");
		producer.send(r);

		r = record("nservicebus", 1);
		add(r.headers(), "NServiceBus.", "FailedQ", origin + "@MACHINE", "TimeOfFailure",
		    "2026-11-01 10:00:00:123456 Z", "ExceptionInfo.ExceptionType", "System.Exception",
		    "ExceptionInfo.Message", "Broken", "ExceptionInfo.StackTrace", "at Y");
		producer.send(r);

		r = record("unknown", 2);
		add(r.headers(), "", "my-error", "nobody knows");
		producer.send(r);
	}

	static void hostile() {
		byte[] large = new byte[200000];
		java.util.Arrays.fill(large, (byte)'9');
		byte[][] numbers = {new byte[0], null, new byte[] {1}, int32(-1), int64(-1),
		                    int64(Long.MIN_VALUE), utf8("abc"), utf8("-5"), utf8("1e9"), large,
		                    utf8("99999999999999999999"), new byte[] {'1', 0}};
		int n = 0;
		for (byte[] number : numbers) {
			ProducerRecord<byte[], byte[]> r = record("spring-" + n, 0);
			add(r.headers(), "kafka_dlt-", "original-topic", origin);
			r.headers().add("kafka_dlt-original-partition", number);
			r.headers().add("kafka_dlt-original-offset", number);
			r.headers().add("retry_topic-attempts", number);
			producer.send(r);
			r = record("connect-" + n++, 0);
			add(r.headers(), "__connect.errors.", "topic", origin);
			r.headers().add("__connect.errors.partition", number);
			r.headers().add("__connect.errors.offset", number);
			producer.send(r);
		}
		byte[][] texts = {null, new byte[0], BODY, large, utf8("\033[31mred\r\b")};
		n = 0;
		for (byte[] text : texts) {
			ProducerRecord<byte[], byte[]> r = record("text-" + n++, 1);
			add(r.headers(), "__connect.errors.", "topic", origin, "partition", "1");
			r.headers().add("__connect.errors.stage", text);
			r.headers().add("__connect.errors.exception.class.name", text);
			r.headers().add("__connect.errors.exception.message", text);
			r.headers().add("__connect.errors.connector.name", text);
			producer.send(r);
		}
	}

	static void many(int count) {
		producer.initTransactions();
		for (int i = 0, batch = 0; i < count; batch++) {
			boolean lost = batch % 3 == 2;
			producer.beginTransaction();
			for (int k = 0; k < 50 && i + k < count; k++) {
				ProducerRecord<byte[], byte[]> r = new ProducerRecord<>(
				    topic, (i + k) % 2, TS, utf8("k" + (i + k) % 40),
				    utf8(lost ? "aborted" : String.format("%09d", i + k + 1)));
				connect(r.headers(), origin, (i + k) % 2, i + k, "m");
				producer.send(r);
			}
			producer.flush();
			if (lost) {
				producer.abortTransaction();
			} else {
				producer.commitTransaction();
				i += 50;
			}
		}
	}

	static void join(Properties p, String group) throws Exception {
		p.put("group.id", group);
		p.put("enable.auto.commit", "false");
		p.put("auto.offset.reset", "earliest");
		p.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor");
		p.put("max.poll.records", "50");
		p.put("session.timeout.ms", "6000");
		p.put("heartbeat.interval.ms", "1000");
		try (KafkaConsumer<byte[], byte[]> consumer =
		         new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
			consumer.subscribe(List.of(topic));
			while (System.in.available() == 0) {
				for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(100)))
					System.out.println(new String(r.value(), StandardCharsets.UTF_8));
				System.out.flush();
				try {
					consumer.commitSync();
				} catch (org.apache.kafka.clients.consumer.CommitFailedException e) {
					continue; /* the messages come again to somebody */
				} catch (org.apache.kafka.common.errors.RebalanceInProgressException e) {
					continue;
				}
			}
		}
	}

	public static void main(String[] args) throws Exception {
		Properties p = new Properties();
		p.put("bootstrap.servers", args[1]);
		topic = args[2];
		origin = args[3];
		if (args[0].equals("join")) {
			join(p, origin);
			return;
		}
		p.put("max.request.size", "10000000");
		if (args[0].equals("many"))
			p.put("transactional.id", topic);
		producer = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer());
		if (args[0].equals("known"))
			known();
		else if (args[0].equals("hostile"))
			hostile();
		else
			many(Integer.parseInt(args[4]));
		producer.close();
	}
}
