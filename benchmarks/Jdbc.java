import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.LocalDateTime;

/** The JDBC thin driver, doing the same works as benchmarks/contenders.py; arguments: URL, table to insert into. */
public class Jdbc {
    private static final int PAGE = 10_000;
    private static final int ROWS = 100_000;
    private static final int SELECTS_BY_KEY = 1_000;
    private static final int INSERTS = 500;
    private static final int BATCH = 10_000;
    private static final String COLUMNS = "ID, BI, V, D, DE, TS, B, DA";

    private final Connection connection;
    private final String table;

    private long count;
    private long ids;
    private long length;
    private Object kept;

    private Jdbc(Connection connection, String table) {
        this.connection = connection;
        this.table = table;
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            Jdbc contender = new Jdbc(connection, arguments[1]);
            BufferedReader works = new BufferedReader(new InputStreamReader(System.in));
            System.out.println("ready");
            for (String work = works.readLine(); work != null; work = works.readLine())
                System.out.println(contender.run(work.trim()));
        }
    }

    private String run(String work) throws Exception {
        count = ids = length = 0;
        double seconds = switch (work) {
            case "select_8" -> select("SELECT " + COLUMNS + " FROM BENCH", true, PAGE);
            case "select_8_default" -> select("SELECT " + COLUMNS + " FROM BENCH", true, 0);
            case "select_1" -> select("SELECT ID FROM BENCH", false, PAGE);
            case "select_key" -> selectByKey();
            case "insert_one" -> insertOne();
            case "insert_many" -> insertMany();
            default -> -1;
        };
        if (seconds < 0)
            return "null";
        String checksum = work.startsWith("select") ? "[" + count + ", " + ids + ", " + length + "]" : "null";
        return "[" + seconds + ", " + checksum + "]";
    }

    private static double since(long started) {
        return (System.nanoTime() - started) / 1e9;
    }

    private double select(String sql, boolean all, int page) throws Exception {
        try (Statement statement = connection.createStatement()) {
            if (page > 0)
                statement.setFetchSize(page);
            long started = System.nanoTime();
            try (ResultSet rows = statement.executeQuery(sql)) {
                while (rows.next())
                    read(rows, all);
            }
            return since(started);
        }
    }

    private void read(ResultSet rows, boolean all) throws Exception {
        count++;
        ids += rows.getInt(1);
        if (!all)
            return;
        long number = rows.getLong(2);
        String text = rows.getString(3);
        length += text.length();
        double real = rows.getDouble(4);
        BigDecimal decimal = rows.getBigDecimal(5);
        Timestamp moment = rows.getTimestamp(6);
        boolean flag = rows.getBoolean(7);
        Date day = rows.getDate(8);
        // So that nothing of it can be left out.
        if (number == Long.MIN_VALUE && real == 1 && flag)
            kept = new Object[] {decimal, moment, day};
    }

    private double selectByKey() throws Exception {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT " + COLUMNS + " FROM BENCH WHERE ID = ?")) {
            long started = System.nanoTime();
            for (int number = 0; number < SELECTS_BY_KEY; number++) {
                statement.setInt(1, (int) (number * 7919L % ROWS));
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    read(rows, true);
                }
            }
            return since(started);
        }
    }

    private void set(PreparedStatement statement, int number) throws Exception {
        statement.setInt(1, number);
        statement.setLong(2, number * 1_000_003L);
        statement.setString(3, String.format("name of %06d", number) + "x".repeat(number % 10));
        statement.setDouble(4, number / 7.0);
        statement.setTimestamp(5, Timestamp.valueOf(LocalDateTime.of(2020, 1, 1, 0, 0).plusSeconds(number)));
    }

    private PreparedStatement emptyTable() throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.executeUpdate("DELETE FROM " + table);
        }
        return connection.prepareStatement("INSERT INTO " + table + " VALUES (?, ?, ?, ?, ?)");
    }

    private double insertOne() throws Exception {
        try (PreparedStatement statement = emptyTable()) {
            long started = System.nanoTime();
            for (int number = 0; number < INSERTS; number++) {
                set(statement, number);
                statement.executeUpdate();
            }
            return since(started);
        }
    }

    private double insertMany() throws Exception {
        try (PreparedStatement statement = emptyTable()) {
            long started = System.nanoTime();
            for (int number = 0; number < ROWS; number++) {
                set(statement, number);
                statement.addBatch();
                if ((number + 1) % BATCH == 0)
                    statement.executeBatch();
            }
            return since(started);
        }
    }
}
