/*
 * A foreign client: Kafka's own for Java, writing and reading a fixed set of records.
 *
 *   java Foreign.java write BROKERS TOPIC    writes them, keys placed by the default partitioner
 *   java Foreign.java read BROKERS TOPIC     prints what is there, up to its end, one line a record:
 *                                            partition timestamp key headers value, bytes as hex
 *
 * Absent is "-", so that it differs from empty.
 */
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Foreign {
	static byte[] utf8(String text) {
		return text.getBytes(StandardCharsets.UTF_8);
	}

	static String hex(byte[] bytes) {
		return bytes == null ? "-" : "x" + HexFormat.of().formatHex(bytes);
	}

	static void write(Properties p, String topic) throws Exception {
		p.put("compression.type", "zstd");
		try (KafkaProducer<byte[], byte[]> producer =
		         new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
			long ts = 1700000000000L;
			for (int i = 0; i < 200; i++)
				producer.send(new ProducerRecord<>(topic, null, ts + i, utf8("key-" + i),
				                                   utf8("value " + i)));
			byte[] all = new byte[256];
			for (int i = 0; i < 256; i++)
				all[i] = (byte)i;
			ProducerRecord<byte[], byte[]> odd =
			    new ProducerRecord<>(topic, null, ts + 1000, all, all);
			odd.headers().add("a", utf8("1")).add("a", utf8("2")).add("null", null);
			odd.headers().add("empty", new byte[0]).add("bytes", all);
			producer.send(odd);
			producer.send(new ProducerRecord<>(topic, 1, Long.valueOf(ts + 1001), (byte[])null, (byte[])null));
			producer.send(new ProducerRecord<>(topic, null, ts + 1002, new byte[0], new byte[0]));
			producer.send(new ProducerRecord<>(topic, null, Long.valueOf(ts + 1003), utf8("é"), (byte[])null));
			producer.flush();
		}
	}

	static void print(ConsumerRecord<byte[], byte[]> r) {
		StringBuilder headers = new StringBuilder();
		for (Header h : r.headers())
			headers.append(h.key()).append('=').append(hex(h.value())).append(',');
		System.out.println(r.partition() + " " + r.timestamp() + " " + hex(r.key()) + " " +
		                   headers + " " + hex(r.value()));
	}

	static void read(Properties p, String topic) {
		try (KafkaConsumer<byte[], byte[]> consumer =
		         new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
			List<TopicPartition> parts = new ArrayList<>();
			for (PartitionInfo info : consumer.partitionsFor(topic))
				parts.add(new TopicPartition(topic, info.partition()));
			consumer.assign(parts);
			consumer.seekToBeginning(parts);
			Map<TopicPartition, Long> ends = consumer.endOffsets(parts);
			while (parts.stream().anyMatch(tp -> consumer.position(tp) < ends.get(tp)))
				consumer.poll(Duration.ofMillis(100)).forEach(Foreign::print);
		}
	}

	public static void main(String[] args) throws Exception {
		Properties p = new Properties();
		p.put("bootstrap.servers", args[1]);
		if (args[0].equals("write"))
			write(p, args[2]);
		else
			read(p, args[2]);
	}
}
